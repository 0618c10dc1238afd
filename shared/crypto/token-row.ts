import type { KeyObject } from 'node:crypto';
import { open, seal } from './aead.ts';
import { decodeBase64 } from './base64.ts';
import { isKid, type KeyLookup } from './kid.ts';
import { OpenError } from './open-error.ts';
import { pae } from './pae.ts';

const version = 'skt1';

/** The client and type of a token; a row moved to another client or type does not open. */
export interface TokenContext {
  readonly clientId: string;
  readonly tokenType: string;
}

/** AAD of a token row (docs/protocol.md §6). */
export function tokenRowAad(kid: string, { clientId, tokenType }: TokenContext): Buffer {
  return pae(version, kid, clientId, tokenType);
}

/** Seals a JSON text as `skt1.<kid>.<base64url(iv ‖ ciphertext ‖ tag)>`. */
export function sealTokenRow(
  kid: string,
  key: KeyObject,
  context: TokenContext,
  text: string,
): string {
  const sealed = seal(key, text, tokenRowAad(kid, context));
  return `${version}.${kid}.${sealed.toString('base64url')}`;
}

/** The kid that sealed a row; undefined if the text is not of this format. */
export function tokenRowKid(row: string): string | undefined {
  const [head, kid, sealed, ...rest] = row.split('.');
  if (head !== version || !isKid(kid) || sealed === undefined || rest.length > 0) return undefined;
  return kid;
}

/** Opens a row to its JSON text. @throws OpenError for every fault alike */
export function openTokenRow(row: string, context: TokenContext, keyFor: KeyLookup): string {
  const kid = tokenRowKid(row);
  const key = kid === undefined ? undefined : keyFor(kid);
  if (kid === undefined || key === undefined) throw new OpenError();
  const sealed = decodeBase64(row.slice(version.length + kid.length + 2), 'base64url');
  return open(key, sealed, tokenRowAad(kid, context)).toString('utf8');
}
