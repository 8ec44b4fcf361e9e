/**
 * Decodes base64url; returns undefined unless the text is its canonical spelling. Node's decoder also accepts
 * padding, the other alphabet, stray characters and spare bits, so one value would have many spellings.
 */
export function decodeBase64url(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, 'base64url');
  return bytes.toString('base64url') === text ? bytes : undefined;
}
