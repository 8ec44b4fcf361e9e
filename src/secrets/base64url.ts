/**
 * Decodes base64url in its one canonical spelling. Node's own decoder also takes padding, the other
 * alphabet, stray characters and spare bits, so one value would have many spellings.
 */
export function decodeBase64url(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, 'base64url');
  return bytes.toString('base64url') === text ? bytes : undefined;
}
