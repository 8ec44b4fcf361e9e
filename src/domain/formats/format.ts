/** What kind of content a format holds; each category has one schema of options. */
export type FormatCategory =
  | 'image'
  | 'vector'
  | 'audio'
  | 'video'
  | 'document'
  | 'spreadsheet'
  | 'presentation'
  | 'pdf'
  | 'ebook'
  | 'archive'
  | 'hash'
  | 'metadata'
  | 'data';

/** The canonical file name extension: "jpg", never "jpeg". */
export type FormatId = string;

/** The libraries that read and write formats. */
export const ENGINE_NAMES = ['sharp', 'magick'] as const;
export type EngineName = (typeof ENGINE_NAMES)[number];

/** Bytes in hexadecimal by offset; all of them must be there. */
export type Signature = Readonly<Record<number, string>>;

/** One row of the format table. */
export interface Format {
  id: FormatId;
  /** As people call it. */
  name: string;
  category: FormatCategory;
  /** Lower case, without the dot, canonical first; each is accepted as an alias of the id. */
  extensions: readonly string[];
  mime: string;
  otherMimes: readonly string[];
  /** Any one of them identifies the format; empty where detect.ts needs more than fixed bytes. */
  signatures: readonly Signature[];
  /** Preferred engine first; empty when it cannot be read. */
  readers: readonly EngineName[];
  /** Preferred engine first; empty when it cannot be written. */
  writers: readonly EngineName[];
  /** What more than one picture in a file means; absent where there is one only, or we read one only. */
  frames?: 'animation' | 'pages';
  alpha: boolean;
  /** The most pixels that one side may have, where the format itself sets a limit that people meet. */
  maxSide?: number;
}
