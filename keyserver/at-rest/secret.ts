import { type Static, Type } from 'typebox';
import { Compile } from 'typebox/compile';
import { type LegacyKey, openLegacyRow } from '../../shared/crypto/legacy-row.ts';
import { OpenError } from '../../shared/crypto/open-error.ts';
import {
  openTokenRow,
  sealTokenRow,
  type TokenContext,
  tokenRowKid,
} from '../../shared/crypto/token-row.ts';
import type { Keyring } from '../keys/keyring.ts';
import type { TokenRow } from '../store/store.ts';

/** What a token row holds once opened; `expiresAt` is UTC, as `2030-01-01T00:00:00.000Z`. */
const SecretSchema = Type.Object(
  {
    fields: Type.Record(Type.String(), Type.String()),
    expiresAt: Type.Optional(Type.String()),
  },
  { additionalProperties: false },
);
export type Secret = Static<typeof SecretSchema>;
const validator = Compile(SecretSchema);

/** Seals a client's secret under the primary key. */
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

/**
 * Opens a row. Rows of the earlier system open only where `legacyKey` is given
 * (`UNSAFE_LEGACY_ROWS`), always to the one field `token`.
 * @throws OpenError whatever is wrong with the row.
 */
export function openSecret(keyring: Keyring, row: TokenRow, legacyKey?: LegacyKey): Secret {
  if (tokenRowKid(row.token) === undefined && legacyKey !== undefined) {
    return { fields: { token: openLegacyRow(row.token, legacyKey) } };
  }
  return parseSecret(openTokenRow(row.token, row, keyring.lookup('rows')));
}

function parseSecret(text: string): Secret {
  let secret: unknown;
  try {
    secret = JSON.parse(text);
  } catch {
    // The parser's message would quote the secret.
    throw new OpenError();
  }
  if (!validator.Check(secret)) throw new OpenError();
  const { expiresAt } = secret;
  if (expiresAt !== undefined && new Date(expiresAt).toJSON() !== expiresAt) throw new OpenError();
  return secret;
}

/** Whole seconds until a secret ends, negative once it has; null where it never does. */
export function secondsLeft({ expiresAt }: Secret, nowMs: number): number | null {
  return expiresAt === undefined ? null : Math.floor((Date.parse(expiresAt) - nowMs) / 1000);
}

/** True from the moment that a secret ends. */
export function hasExpired({ expiresAt }: Secret, nowMs: number): boolean {
  return expiresAt !== undefined && Date.parse(expiresAt) <= nowMs;
}
