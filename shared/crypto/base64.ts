import { OpenError } from './open-error.ts';

/**
 * Decodes base64 (RFC 4648 §4, padded) or base64url (§5, unpadded). Only canonical spellings decode:
 * the bytes encode back to the same text.
 * @throws OpenError for other texts; Node's decoder would skip unknown characters
 */
export function decodeBase64(text: string, encoding: 'base64' | 'base64url'): Buffer {
  const bytes = Buffer.from(text, encoding);
  if (bytes.toString(encoding) !== text) throw new OpenError();
  return bytes;
}
