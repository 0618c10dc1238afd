import type { KeyObject } from 'node:crypto';
import { open, seal } from './aead.ts';
import { decodeBase64 } from './base64.ts';
import { pae } from './pae.ts';
import type { TokenContext } from './token-row.ts';

const version = 'skx1';

/** Makes a request unique; `timestamp` is in Unix seconds. */
export interface Freshness {
  readonly timestamp: number;
  readonly nonce: string;
}

/** AAD of a sealed credential (docs/protocol.md §4). */
export function requestAad(context: TokenContext & Freshness): Buffer {
  const { clientId, tokenType, timestamp, nonce } = context;
  return pae(version, 'request', clientId, tokenType, String(timestamp), nonce);
}

/** AAD of a sealed answer (docs/protocol.md §5); `nonce` is absent if the request had none. */
export function responseAad(
  context: TokenContext & { readonly nonce?: string | undefined },
): Buffer {
  const { clientId, tokenType, nonce = '' } = context;
  return pae(version, 'response', clientId, tokenType, nonce);
}

/** AAD of a sealed credential of `POST /changes` (docs/protocol.md §5). */
export function changesRequestAad({ timestamp, nonce }: Freshness): Buffer {
  return pae(version, 'changes-request', String(timestamp), nonce);
}

/** AAD of a sealed answer of `POST /changes` (docs/protocol.md §5). */
export function changesResponseAad({ nonce }: Pick<Freshness, 'nonce'>): Buffer {
  return pae(version, 'changes-response', nonce);
}

/** AAD of a sealed credential of `POST /whoami` (docs/protocol.md §5). */
export function whoamiRequestAad({ timestamp, nonce }: Freshness): Buffer {
  return pae(version, 'whoami-request', String(timestamp), nonce);
}

/** AAD of a sealed answer of `POST /whoami` (docs/protocol.md §5). */
export function whoamiResponseAad({ nonce }: Pick<Freshness, 'nonce'>): Buffer {
  return pae(version, 'whoami-response', nonce);
}

/** Seals a JSON text with the session key. Returns base64, the form on the wire. */
export function sealText(key: KeyObject, text: string, aad: Uint8Array): string {
  return seal(key, text, aad).toString('base64');
}

/** Opens the output of {@link sealText}. @throws OpenError */
export function openText(key: KeyObject, sealed: string, aad: Uint8Array): string {
  return open(key, decodeBase64(sealed, 'base64'), aad).toString('utf8');
}
