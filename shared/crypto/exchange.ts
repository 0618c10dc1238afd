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

/** AADs of a sealed credential and a sealed answer of a question (docs/protocol.md §5). */
const questionAads = (question: 'changes' | 'whoami') => ({
  request: ({ timestamp, nonce }: Freshness) =>
    pae(version, `${question}-request`, String(timestamp), nonce),
  response: ({ nonce }: Pick<Freshness, 'nonce'>) => pae(version, `${question}-response`, nonce),
});
export const { request: changesRequestAad, response: changesResponseAad } = questionAads('changes');
export const { request: whoamiRequestAad, response: whoamiResponseAad } = questionAads('whoami');

/** Seals a JSON text with the session key. Returns base64, the form on the wire. */
export function sealText(key: KeyObject, text: string, aad: Uint8Array): string {
  return seal(key, text, aad).toString('base64');
}

/** Opens the output of {@link sealText}. @throws OpenError */
export function openText(key: KeyObject, sealed: string, aad: Uint8Array): string {
  return open(key, decodeBase64(sealed, 'base64'), aad).toString('utf8');
}
