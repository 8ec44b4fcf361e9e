/** Control and format characters, bidirectional overrides among them: they make a name look like another. */
const DECEPTIVE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;

/** Returns the header that offers a file for saving under its name (RFC 6266), whatever characters that has. */
export function attachment(filename: string): string {
  const name = filename.toWellFormed().replace(DECEPTIVE, '').replace(/[/\\]/g, '_') || 'file';
  // Old clients read only the plain form, and some decode percent signs in it.
  const plain = name.replace(/[^\x20-\x7e]|["%]/g, '_');
  const extended = encodeURIComponent(name).replace(
    /[!'()*]/g,
    (mark) => `%${mark.charCodeAt(0).toString(16).toUpperCase()}`,
  );
  return `attachment; filename="${plain}"; filename*=UTF-8''${extended}`;
}
