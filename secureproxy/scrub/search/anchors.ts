import type { SecretForm } from './secret-forms.ts';

/** The part of a form by which it is found. */
export interface Anchor {
  readonly bytes: Uint8Array;
  readonly form: number;
  readonly from: number;
}

/** Takes a place in a text at which a byte of a form may stand, by the indexes of both. */
export type Report = (at: number, form: number, unit: number) => void;

const maxAnchorBytes = 48;

/**
 * Letters and digits in a row, since encoders seldom change those; all bytes of a form that is only
 * found exactly. The end of the longest row, since tokens of one kind often begin alike.
 */
export function anchorOf({ bytes, isLoose }: SecretForm, form: number): Anchor {
  let [from, to] = [0, 0];
  for (let start = 0, at = 0; at <= bytes.length; at++) {
    if (at < bytes.length && (!isLoose || isAlphanumeric(bytes[at] as number))) continue;
    if (at - start > to - from) [from, to] = [start, at];
    start = at + 1;
  }
  from = Math.max(from, to - maxAnchorBytes);
  return { bytes: bytes.subarray(from, to), form, from };
}

export function isAlphanumeric(byte: number): boolean {
  const letter = byte | 0x20;
  return (byte >= 0x30 && byte <= 0x39) || (letter >= 0x61 && letter <= 0x7a && byte < 0x80);
}
