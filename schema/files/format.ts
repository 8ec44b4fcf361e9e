import { KilnError } from '../../src/domain/errors.ts';
import { FORMATS, findFormat, sourceHint, targetsOf } from '../../src/domain/formats/find-format.ts';
import type { FormatCategory, Format as FormatRow } from '../../src/domain/formats/format.ts';
import { optionsJsonSchema } from '../../src/domain/options/image.ts';
import { builder } from '../builder.ts';

/** A list of formats is as long as the table at most. */
const manyFormats = { field: 1, multiplier: FORMATS.size };

/** What a JSON Schema costs: it is as long as so many other fields. */
const SCHEMA_COST = 20;

const CATEGORIES: Readonly<Record<FormatCategory, string>> = {
  image: 'Pictures made of pixels.',
  vector: 'Pictures made of shapes.',
  audio: 'Sound.',
  video: 'Moving pictures.',
  document: 'Text documents.',
  spreadsheet: 'Tables.',
  presentation: 'Slides.',
  pdf: 'Pages ready to print.',
  ebook: 'Books for readers.',
  archive: 'Files packed together.',
  hash: 'Digests of files.',
  metadata: 'Notes inside files.',
  data: 'Structured data.',
};

const Category = builder.enumType('FormatCategory', {
  description: 'What kind of content a format holds.',
  values: Object.fromEntries(
    Object.entries(CATEGORIES).map(([value, description]) => [
      value.toUpperCase(),
      { value: value as FormatCategory, description },
    ]),
  ),
});

const Format = builder.objectRef<FormatRow>('Format');
Format.implement({
  description: 'A file format that Kiln can read, write or both.',
  fields: (t) => ({
    id: t.exposeID('id', {
      description: 'The usual file name extension, such as `jpg`; names the format everywhere.',
    }),
    name: t.exposeString('name', { description: 'As people call it.' }),
    category: t.expose('category', {
      type: Category,
      description: 'The kind of content.',
    }),
    extensions: t.stringList({
      description: 'File name extensions, the usual one first; each is accepted in place of the id.',
      resolve: ({ extensions }) => [...extensions],
    }),
    mime: t.exposeString('mime', { description: 'The media type.' }),
    readable: t.boolean({
      description: 'Whether it can be a source.',
      resolve: ({ readers }) => readers.length > 0,
    }),
    writable: t.boolean({
      description: 'Whether it can be a target.',
      resolve: ({ writers }) => writers.length > 0,
    }),
    targets: t.field({
      type: [Format],
      description: 'What a file of this format can become.',
      complexity: manyFormats,
      resolve: ({ id }) => formatsOf(targetsOf(id)),
    }),
    optionsSchema: t.field({
      type: 'JSON',
      nullable: true,
      complexity: SCHEMA_COST,
      description:
        'JSON Schema (2020-12) of the `options` of a conversion to this format; null when it cannot be a target.',
      resolve: ({ writers, category }) => (writers.length > 0 ? optionsJsonSchema(category) : null),
    }),
  }),
});

builder.queryField('formats', (t) =>
  t.field({
    type: [Format],
    description: 'The formats that Kiln knows.',
    complexity: manyFormats,
    args: {
      category: t.arg({ type: Category, description: 'Only formats of this kind.' }),
      from: t.arg.string({ description: 'Only what a file of this format can become: an id or extension.' }),
    },
    resolve: (_root, { category, from }) => {
      const formats = from ? formatsOf(targetsOf(requireSource(from))) : [...FORMATS.values()];
      return category ? formats.filter((format) => format.category === category) : formats;
    },
  }),
);

function requireSource(id: string): string {
  const format = findFormat(id);
  if (format) return format.id;
  throw new KilnError('INVALID_INPUT', 'Kiln does not know this format.', {
    field: 'from',
    hint: sourceHint(id),
  });
}

function formatsOf(ids: readonly string[]): FormatRow[] {
  return ids.flatMap((id) => FORMATS.get(id) ?? []);
}
