import { OpenError } from './open-error.ts';

/**
 * Decodes base64 (RFC 4648 §4, padded) or base64url (§5, unpadded), canonical spellings only:
 * what decodes also encodes back to the very same text.
 * @throws OpenError for anything else; Node's own decoder would skip what it does not know.
 */
export function decodeBase64(text: string, encoding: 'base64' | 'base64url'): Buffer {
  const bytes = Buffer.from(text, encoding);
  if (bytes.toString(encoding) !== text) throw new OpenError();
  return bytes;
}
