import { isFoundLoosely, minSecretBytes } from '../../../shared/policy/secret-strength.ts';

export const redacted = Buffer.from('[redacted]');

/** A form in which a secret may stand in an answer. */
export interface SecretForm {
  readonly bytes: Uint8Array;
  readonly foldCase: boolean;
  /** Whether all but letters and digits may be missing, and line breaks may stand anywhere. */
  readonly isLoose: boolean;
  readonly replacement: Buffer;
}

const uuid = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
const hex = /^[0-9a-f]+$/i;

/**
 * The forms in which a secret is looked for: as it is, in base64 and base64url at each place of a
 * longer text, and in hexadecimal. None if it is too short.
 */
export function secretForms(secret: string): SecretForm[] {
  const bytes = Buffer.from(secret);
  if (bytes.length < minSecretBytes) return [];
  const base64 = ([0, 1, 2] as const).map((offset) => alignedBase64(bytes, offset));
  const encoded = new Set([...base64, ...base64.map(toBase64url)]);
  return [
    formOf(secret, uuid.test(secret) || hex.test(secret), replacementOf(secret)),
    ...[...encoded].map((text) => formOf(text, false)),
    formOf(bytes.toString('hex'), true),
  ];
}

/** A form that is found as it is or escaped, but with every character. */
export function exactForm(text: string): SecretForm {
  return { bytes: Buffer.from(text), foldCase: false, isLoose: false, replacement: redacted };
}

function formOf(text: string, foldCase: boolean, replacement: Buffer = redacted): SecretForm {
  return { bytes: Buffer.from(text), foldCase, isLoose: isFoundLoosely(text), replacement };
}

/** A number becomes the lowest of as many digits: JSON allows no leading zeros, and no text outside quotes. */
function replacementOf(secret: string): Buffer {
  return /^\d+$/.test(secret) ? Buffer.from('1'.padEnd(secret.length, '0')) : redacted;
}

/** The characters of the base64 of `… bytes …` that depend on these bytes alone, which begin at `offset` of a group of three. */
function alignedBase64(bytes: Uint8Array, offset: 0 | 1 | 2): string {
  const encoded = Buffer.concat([Buffer.alloc(offset), bytes]).toString('base64');
  const sharedAhead = [0, 2, 3] as const;
  const sharedBehind = [0, 3, 2] as const;
  const last = ((offset + bytes.length) % 3) as 0 | 1 | 2;
  return encoded.slice(sharedAhead[offset], encoded.length - sharedBehind[last]);
}

function toBase64url(text: string): string {
  return text.replaceAll('+', '-').replaceAll('/', '_');
}
