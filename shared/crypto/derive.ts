import { hkdfSync, type KeyObject } from 'node:crypto';
import { importKey, keyBytes } from './aead.ts';

/** Purposes of the keys derived from one at-rest key; the text is HKDF's `info`. */
export const purposes = {
  rows: 'skt1 rows',
  documents: 'skd1 documents',
  tickets: 'skx1 tickets',
  backups: 'skb1 backups',
} as const;
export type Purpose = keyof typeof purposes;

/** HKDF-SHA256 (RFC 5869) of a 32-byte at-rest key with the empty salt (docs/protocol.md §6). */
export function deriveKey(master: Uint8Array, purpose: Purpose): KeyObject {
  if (master.length !== keyBytes) throw new RangeError(`an at-rest key has ${keyBytes} bytes`);
  return importKey(
    new Uint8Array(hkdfSync('sha256', master, new Uint8Array(), purposes[purpose], keyBytes)),
  );
}
