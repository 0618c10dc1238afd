import { type LegacyKey, openLegacyRow } from '../../shared/crypto/legacy-row.ts';
import { OpenError } from '../../shared/crypto/open-error.ts';
import {
  openTokenRow,
  sealTokenRow,
  type TokenContext,
  tokenRowKid,
} from '../../shared/crypto/token-row.ts';
import type { Injection } from '../../shared/policy/injection/schema.ts';
import { Compile } from '../../shared/schema/compile.ts';
import { ClosedObject, type Static, Type } from '../../shared/schema/type.ts';
import type { Keyring } from '../keys/keyring.ts';
import type { TokenRow } from '../store/store.ts';
import { legacyFields } from './legacy-fields.ts';

/** Content of an opened token row; `expiresAt` is UTC, in the form `2030-01-01T00:00:00.000Z`. */
const SecretSchema = ClosedObject({
  fields: Type.Record(Type.String(), Type.String()),
  expiresAt: Type.Optional(Type.String()),
});
export type Secret = Static<typeof SecretSchema>;
const validator = Compile(SecretSchema);

export function sealSecret(keyring: Keyring, context: TokenContext, secret: Secret): TokenRow {
  const { clientId, tokenType } = context;
  const token = sealTokenRow(
    keyring.primaryKid,
    keyring.primary('rows'),
    context,
    JSON.stringify(secret),
  );
  return { clientId, tokenType, token };
}

/** Seals what a row opens to with the primary key, byte for byte. @throws OpenError for every fault alike */
export function resealRow(keyring: Keyring, row: TokenRow): string {
  const text = openTokenRow(row.token, row, keyring.lookup('rows'));
  return sealTokenRow(keyring.primaryKid, keyring.primary('rows'), row, text);
}

/**
 * Opens a row. A row of the earlier system opens only if `legacyKey` is given (`UNSAFE_LEGACY_ROWS`): to the
 * single field `token`, or with an injection to the fields that fill it, see {@link legacyFields}.
 * @throws OpenError for every fault alike
 */
export function openSecret(
  keyring: Keyring,
  row: TokenRow,
  legacyKey?: LegacyKey,
  injection?: Injection,
): Secret {
  if (tokenRowKid(row.token) === undefined && legacyKey !== undefined) {
    const text = openLegacyRow(row.token, legacyKey);
    return { fields: injection ? legacyFields(text, injection) : { token: text } };
  }
  return parseSecret(openTokenRow(row.token, row, keyring.lookup('rows')));
}

function parseSecret(text: string): Secret {
  let secret: unknown;
  try {
    secret = JSON.parse(text);
  } catch {
    // The JSON parser's message would quote the secret.
    throw new OpenError();
  }
  if (!validator.Check(secret)) throw new OpenError();
  const { expiresAt } = secret;
  if (expiresAt !== undefined && new Date(expiresAt).toJSON() !== expiresAt) throw new OpenError();
  return secret;
}

/** Whole seconds until a secret expires, negative after it has; null if it never does. */
export function secondsLeft({ expiresAt }: Secret, nowMs: number): number | null {
  return expiresAt === undefined ? null : Math.floor((Date.parse(expiresAt) - nowMs) / 1000);
}

export function hasExpired({ expiresAt }: Secret, nowMs: number): boolean {
  return expiresAt !== undefined && Date.parse(expiresAt) <= nowMs;
}
