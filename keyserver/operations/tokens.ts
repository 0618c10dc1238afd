import { decodeBase64 } from '../../shared/crypto/base64.ts';
import { type TokenContext, tokenRowKid } from '../../shared/crypto/token-row.ts';
import { fieldsFault, injectionFields } from '../../shared/policy/injection/injection.ts';
import type { Injection } from '../../shared/policy/injection/schema.ts';
import type { Policy } from '../../shared/policy/schema.ts';
import { legacyFields } from '../at-rest/legacy-fields.ts';
import { hasExpired, openSecret, type Secret, sealSecret } from '../at-rest/secret.ts';
import { tryOpen } from '../at-rest/try-open.ts';
import type { TokenRow } from '../store/store.ts';
import { isStoreError } from '../store/store-error.ts';
import type { OperationContext, ReadContext } from './context.ts';
import { byName, checkName, checkNewName, doesNotOpen, listDocuments } from './documents.ts';
import { chosenExpiry } from './expiry.ts';
import { inspectSecret } from './intelligence/inspect-secret.ts';
import { NamesAlike } from './names-alike.ts';
import { inputInvalid, OperationError } from './operation-error.ts';
import type { TokenName } from './suggestion.ts';
import { noType } from './types.ts';

export type InspectedToken = ReturnType<typeof inspectToken>;
export type TokenSummary = InspectedToken['summary'];

/** Tries to open a row, and says what of it may be shown. */
export function inspectToken(context: ReadContext, row: TokenRow) {
  const { clientId: client, tokenType: type } = row;
  const legacy = isLegacyRow(row);
  const { keyring, legacyKey } = context;
  const secret = keyring && tryOpen(() => openSecret(keyring, row, legacyKey));
  const isTried = keyring !== undefined && !(legacy && legacyKey === undefined);
  return {
    summary: {
      client,
      type,
      /** Null for a row of the earlier system, or of an unknown format. */
      kid: tokenRowKid(row.token) ?? null,
      legacy,
      /** Characters of the row, as it is stored. */
      size: row.token.length,
      /** Null if it cannot be told: without a keyring, or the earlier system's key for a row of it. */
      opens: isTried ? secret !== undefined : null,
      /** Names; null if it did not open, as the time (ISO 8601) of its expiry, if it has one. */
      fields: secret ? Object.keys(secret.fields) : null,
      expiresAt: secret?.expiresAt ?? null,
      expired: secret !== undefined && hasExpired(secret, context.clock.now()),
    },
    /** For checks only; never for output. */
    secret,
  };
}

/** Why an opened token does not fill an injection, as a call would find; undefined if it does, or did not open. */
export function injectionMisfit(
  { summary, secret }: InspectedToken,
  injection: Injection,
): string | undefined {
  if (secret === undefined) return undefined;
  const { token = '' } = secret.fields;
  return fieldsFault(injection, summary.legacy ? legacyFields(token, injection) : secret.fields);
}

/** True for the earlier system's format: base64 of whole AES blocks. */
function isLegacyRow({ token }: TokenRow): boolean {
  try {
    const { length } = decodeBase64(token, 'base64');
    return length > 0 && length % 16 === 0;
  } catch {
    return false;
  }
}

interface TokenFilter extends Partial<TokenName> {
  /** Only those that expire within so many seconds, or have expired. */
  readonly expiresWithinSeconds?: number | undefined;
}

/** Lists tokens, of all clients and types or only of the exact names given. */
export async function listTokens(
  context: ReadContext,
  { client, type, expiresWithinSeconds }: TokenFilter = {},
): Promise<TokenSummary[]> {
  const until = context.clock.now() + (expiresWithinSeconds ?? 0) * 1000;
  const summaries: TokenSummary[] = [];
  for await (const row of context.store.listTokens()) {
    if (client !== undefined && row.clientId !== client) continue;
    if (type !== undefined && row.tokenType !== type) continue;
    const { summary } = inspectToken(context, row);
    const { expiresAt } = summary;
    if (expiresWithinSeconds === undefined || (expiresAt && Date.parse(expiresAt) <= until)) {
      summaries.push(summary);
    }
  }
  // The rows come in the order of the table's key.
  return summaries.sort(
    (one, other) => byName(one.client, other.client) || byName(one.type, other.type),
  );
}

/** @throws OperationError not_found; integrity_failed if one name has several rows */
export async function readToken(
  context: OperationContext,
  { clientId, tokenType }: TokenContext,
): Promise<TokenSummary> {
  const [row, ...others] = await context.store.findTokens(clientId, tokenType);
  if (row === undefined) throw notFound({ clientId, tokenType });
  if (others.length === 0) return inspectToken(context, row).summary;
  throw new OperationError(
    'integrity_failed',
    `client ${JSON.stringify(clientId)} has more than one row of type ${JSON.stringify(tokenType)}`,
    'delete the token and store it again',
  );
}

interface PutToken extends TokenContext {
  readonly fields: Readonly<Record<string, string>>;
  /** See parseExpiry; if it is not given, a JWT's own counts. */
  readonly expiresAt?: string | undefined;
}

/**
 * Seals a client's secret and stores it.
 * @throws OperationError input_invalid for bad names, type or fields, an expired JWT, or if the table cannot hold it
 */
export async function putToken(context: OperationContext, token: PutToken) {
  const { clientId, tokenType, fields } = token;
  checkName('client', clientId);
  checkName('type', tokenType);
  const clients = await clientsBeside(context, token);
  // Clients that have a token keep their names, also those that no new client could have.
  if (clients?.has(clientId) === false) checkNewName('client', clientId);
  const policy = await policyOf(context, tokenType);
  const fault = fieldsFault(policy.injection, fields);
  if (fault !== undefined) {
    const names = [...injectionFields(policy.injection)];
    throw inputInvalid(fault, { do: 'give_fields', type: tokenType, fields: names });
  }
  const report = inspectSecret(policy, fields);
  const expiresAt = chosenExpiry(token.expiresAt, report.expiresAt, context.clock.now());
  const secret: Secret = { fields, ...(expiresAt !== undefined && { expiresAt }) };
  await context.beforeSealing?.();
  try {
    const replaced = await context.store.putToken(sealSecret(context.keyring, token, secret));
    const warnings = [...report.warnings, ...(clients?.add('client', clientId) ?? [])];
    return { ...report, warnings, expiresAt, replaced };
  } catch (error) {
    if (!isStoreError(error, 'row_unfit')) throw error;
    throw inputInvalid(error.message, 'change the table (DB_TOKEN_TABLE)');
  }
}

/** The clients that have a token; undefined, without reading them, if the token is stored already. */
async function clientsBeside({ store }: OperationContext, { clientId, tokenType }: TokenContext) {
  const stored = await store.findTokens(clientId, tokenType);
  return stored.length > 0 ? undefined : new NamesAlike(await store.clients());
}

async function policyOf(context: OperationContext, tokenType: string): Promise<Policy> {
  const types = await listDocuments(context, 'type');
  const type = types.find(({ id }) => id === tokenType);
  if (type?.content !== undefined) return type.content;
  if (type !== undefined) throw doesNotOpen('type', tokenType);
  throw inputInvalid(noType(tokenType, types), { do: 'define_type', type: tokenType });
}

/** @throws OperationError not_found */
export async function deleteToken({ store }: OperationContext, token: TokenContext): Promise<void> {
  if (!(await store.deleteToken(token.clientId, token.tokenType))) throw notFound(token);
}

function notFound(token: TokenContext): OperationError {
  return new OperationError('not_found', noToken(token), { do: 'list', kind: 'token' });
}

export function noToken({ clientId, tokenType }: TokenContext): string {
  return `client ${JSON.stringify(clientId)} has no token of type ${JSON.stringify(tokenType)}`;
}
