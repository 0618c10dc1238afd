import { decodeBase64 } from '../../shared/crypto/base64.ts';
import { OpenError } from '../../shared/crypto/open-error.ts';
import { type TokenContext, tokenRowKid } from '../../shared/crypto/token-row.ts';
import { fieldsFault } from '../../shared/policy/injection/injection.ts';
import { hasExpired, openSecret, type Secret, sealSecret } from '../at-rest/secret.ts';
import type { TokenRow } from '../store/store.ts';
import type { AdminContext } from './context.ts';
import { checkName, doesNotOpen, listDocuments } from './documents.ts';
import { AdminError } from './operation-error.ts';

/** What may be shown of a token. */
export interface TokenSummary {
  readonly client: string;
  readonly type: string;
  /** The key that sealed it; null for a row of the earlier system, or of no known format. */
  readonly kid: string | null;
  readonly legacy: boolean;
  /** Null where it cannot be told: a row of the earlier system, whose key is not set. */
  readonly opens: boolean | null;
  /** Names of the secret's fields; null where it did not open. */
  readonly fields: readonly string[] | null;
  /** ISO 8601; null where it never ends, or did not open. */
  readonly expiresAt: string | null;
  readonly expired: boolean;
}

export interface InspectedToken {
  readonly summary: TokenSummary;
  /** The opened secret, for checks; never for output. */
  readonly secret: Secret | undefined;
}

/** Looks whether a row opens, and what of it may be shown. */
export function inspectToken(context: AdminContext, row: TokenRow): InspectedToken {
  const { clientId: client, tokenType: type } = row;
  const legacy = isLegacyRow(row);
  const secret = open(context, row);
  return {
    summary: {
      client,
      type,
      kid: tokenRowKid(row.token) ?? null,
      legacy,
      opens: legacy && context.legacyKey === undefined ? null : secret !== undefined,
      fields: secret ? Object.keys(secret.fields) : null,
      expiresAt: secret?.expiresAt ?? null,
      expired: secret !== undefined && hasExpired(secret, context.clock.now()),
    },
    secret,
  };
}

function open({ keyring, legacyKey }: AdminContext, row: TokenRow): Secret | undefined {
  try {
    return openSecret(keyring, row, legacyKey);
  } catch (error) {
    if (error instanceof OpenError) return undefined;
    throw error;
  }
}

/** True for what the earlier system wrote: base64 of whole AES blocks. */
function isLegacyRow({ token }: TokenRow): boolean {
  try {
    const { length } = decodeBase64(token, 'base64');
    return length > 0 && length % 16 === 0;
  } catch {
    return false;
  }
}

/** Which tokens to list; absent: all. Names are exact. */
export interface TokenFilter {
  readonly client?: string | undefined;
  readonly type?: string | undefined;
}

export async function listTokens(
  context: AdminContext,
  { client, type }: TokenFilter = {},
): Promise<TokenSummary[]> {
  const summaries: TokenSummary[] = [];
  for await (const row of context.store.listTokens()) {
    if (client !== undefined && row.clientId !== client) continue;
    if (type !== undefined && row.tokenType !== type) continue;
    summaries.push(inspectToken(context, row).summary);
  }
  return summaries;
}

/** @throws AdminError not_found, integrity_failed where one name has several rows */
export async function readToken(
  context: AdminContext,
  { clientId, tokenType }: TokenContext,
): Promise<TokenSummary> {
  const [row, ...others] = await context.store.findTokens(clientId, tokenType);
  if (row === undefined) throw notFound({ clientId, tokenType });
  if (others.length === 0) return inspectToken(context, row).summary;
  throw new AdminError(
    'integrity_failed',
    `client ${JSON.stringify(clientId)} has more than one row of type ${JSON.stringify(tokenType)}`,
    'delete the token and put it anew',
  );
}

export interface PutToken extends TokenContext {
  readonly fields: Readonly<Record<string, string>>;
  /** ISO 8601 (see parseExpiry). */
  readonly expiresAt?: string | undefined;
}

/**
 * Seals a client's secret and stores it; resolves to whether it replaced one.
 * @throws AdminError input_invalid where names, type or fields will not do
 */
export async function putToken(context: AdminContext, token: PutToken): Promise<boolean> {
  const { clientId, tokenType, fields, expiresAt } = token;
  checkName('client', clientId);
  checkName('type', tokenType);
  const injection = await injectionOf(context, tokenType);
  const fault = fieldsFault(injection, fields);
  if (fault !== undefined) {
    throw new AdminError(
      'input_invalid',
      fault,
      `keyserver-admin type show ${tokenType} shows what the type injects`,
    );
  }
  const secret: Secret = { fields, ...(expiresAt !== undefined && { expiresAt }) };
  try {
    return await context.store.putToken(sealSecret(context.keyring, token, secret));
  } catch (error) {
    // The store's word for a value that the operator's own table cannot hold.
    if (!(error instanceof RangeError)) throw error;
    throw new AdminError('input_invalid', error.message, 'change the token table (DB_TOKEN_TABLE)');
  }
}

async function injectionOf(context: AdminContext, tokenType: string) {
  const types = await listDocuments(context, 'type');
  const type = types.find(({ id }) => id === tokenType);
  if (type?.content !== undefined) return type.content.injection;
  if (type !== undefined) throw doesNotOpen('type', type);
  const known = types.map(({ id }) => JSON.stringify(id)).join(', ');
  throw new AdminError(
    'input_invalid',
    `there is no type ${JSON.stringify(tokenType)}${known === '' ? '' : `; there is ${known}`}`,
    `define it: keyserver-admin type put ${tokenType} --destination https://…`,
  );
}

/** @throws AdminError not_found */
export async function deleteToken(context: AdminContext, token: TokenContext): Promise<void> {
  const { clientId, tokenType } = token;
  if (!(await context.store.deleteToken(clientId, tokenType))) throw notFound(token);
}

function notFound({ clientId, tokenType }: TokenContext): AdminError {
  return new AdminError(
    'not_found',
    `client ${JSON.stringify(clientId)} has no token of type ${JSON.stringify(tokenType)}`,
    'keyserver-admin token list shows what is stored',
  );
}
