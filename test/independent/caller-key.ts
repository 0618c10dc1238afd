/** docs/protocol.md §9: callers' keys. */
import { base64url, check, utf8 } from './bytes.ts';

const digits = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

/** CRC-32 of IEEE 802.3, bit by bit. */
export function crc32(text: string): number {
  let crc = 0xffffffff;
  for (const byte of utf8(text)) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit += 1) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return (crc ^ 0xffffffff) >>> 0;
}

/** The six digits that follow the prefix and the random characters. */
export function checksum(start: string): string {
  let written = '';
  for (let rest = crc32(start); written.length < 6; rest = Math.floor(rest / 62)) {
    written = digits.charAt(rest % 62) + written;
  }
  return written;
}

/** @throws Refused */
export function checkCallerKey(prefix: 'spk_' | 'spx_', key: string): void {
  check(/^[0-9A-Za-z]{36}$/.test(key.slice(4)) && key.startsWith(prefix), 'form of a key');
  check(key.endsWith(checksum(key.slice(0, -6))), 'checksum of a key');
}

/** As KeyServer stores it. */
export async function callerKeyHash(key: string): Promise<string> {
  return base64url(new Uint8Array(await crypto.subtle.digest('SHA-256', utf8(key))));
}
