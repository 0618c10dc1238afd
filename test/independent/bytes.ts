/** docs/protocol.md §1: bytes, text and canonical base64. */

export type Bytes = Uint8Array<ArrayBuffer>;

/** The input breaks the protocol. One error for every cause. */
export class Refused extends Error {
  override readonly name = 'Refused';
}

/** @throws Refused */
export function check(isAllowed: boolean, what: string): asserts isAllowed {
  if (!isAllowed) throw new Refused(what);
}

export function concat(parts: readonly Uint8Array[]): Bytes {
  const joined = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}

/** @throws Refused if the text has a lone surrogate, which the encoder would replace */
export function utf8(text: string): Bytes {
  check(text.isWellFormed(), 'not well-formed Unicode');
  return new TextEncoder().encode(text);
}

/** @throws Refused */
export function fromUtf8(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new Refused('not UTF-8');
  }
}

export function le64(value: number | bigint): Bytes {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(value), true);
  return bytes;
}

export function fromLe64(bytes: Uint8Array): bigint {
  return new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true);
}

export function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

export function fromHex(text: string): Bytes {
  return Uint8Array.from(text.match(/../g) ?? [], (digits) => Number.parseInt(digits, 16));
}

export function base64(bytes: Uint8Array): string {
  return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(''));
}

/** @throws Refused */
export function fromBase64(text: string): Bytes {
  return canonical(text, text, base64);
}

export function base64url(bytes: Uint8Array): string {
  return base64(bytes).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
}

/** @throws Refused */
export function fromBase64url(text: string): Bytes {
  return canonical(text, text.replaceAll('-', '+').replaceAll('_', '/'), base64url);
}

/** `atob` is lax: what it read counts only if it encodes to the same text again. */
function canonical(text: string, standard: string, encode: (bytes: Bytes) => string): Bytes {
  let bytes: Bytes;
  try {
    bytes = Uint8Array.from(atob(standard), (character) => character.charCodeAt(0));
  } catch {
    throw new Refused('not base64');
  }
  check(encode(bytes) === text, 'not canonical base64');
  return bytes;
}
