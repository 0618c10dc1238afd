import type { TokenContext } from '../../../shared/crypto/token-row.ts';
import { nameFault, newNameFault } from '../../../shared/names.ts';
import { fieldsFault } from '../../../shared/policy/injection/injection.ts';
import type { Policy } from '../../../shared/policy/schema.ts';
import type { Secret } from '../../at-rest/secret.ts';
import { chosenExpiry, parseExpiry } from '../expiry.ts';
import { inspectSecret } from '../intelligence/inspect-secret.ts';
import type { NamesAlike } from '../names-alike.ts';
import { OperationError } from '../operation-error.ts';
import { checkedFields, isTextRecord, maxSecretBytes, parseSecretText } from '../secret-input.ts';
import { memberNames, type RawRow } from './raw-rows.ts';

/** So many types are told. */
const maxTypes = 10;

export interface ImportRow extends TokenContext {
  /** The secret, or a row as an export of this keyring has it. */
  readonly content: Secret | { readonly sealed: string };
  readonly warnings: readonly string[];
}

export interface ImportRules {
  /** The defined types; undefined for a policy that does not open. */
  readonly types: ReadonlyMap<string, Policy | undefined>;
  readonly nowMs: number;
  /** Those that have a token keep their names, also those that no new one could have. */
  readonly clients: NamesAlike;
}

/** Returns a row that can be stored, or a sentence on its fault, which has nothing of the row. */
export function judgeRow(row: RawRow['members'], rules: ImportRules): ImportRow | string {
  const { client, type, secret, sealed, expires } = row;
  const unknown = Object.keys(row).findIndex((name) => !memberNames.includes(name));
  // By number: an unknown member may be a misplaced secret.
  if (unknown >= 0) return `member ${unknown + 1} is none of ${memberNames.join(', ')}`;
  if (typeof client !== 'string') return 'there is no client';
  if (typeof type !== 'string') return 'there is no type';
  // A sealed row kept its name since it was stored, whatever names new ones can have.
  const isNew = sealed === undefined && !rules.clients.has(client);
  const misnamed = isNew ? newNameFault(client) : nameFault(client);
  if (misnamed !== undefined) return `the name of the client ${misnamed}`;
  const policy = rules.types.get(type);
  if (policy === undefined) return typeFault(type, rules);
  const name = { clientId: client, tokenType: type };
  if (sealed !== undefined) {
    if (typeof sealed !== 'string') return 'sealed is not text';
    if (secret === undefined && expires === undefined)
      return { ...name, content: { sealed }, warnings: [] };
    return 'beside sealed, which has them, there are a secret or its expiry';
  }
  try {
    const fields = fieldsOf(secret);
    const fault = fieldsFault(policy.injection, fields);
    if (fault !== undefined) return fault;
    const report = inspectSecret(policy, fields);
    const given = isAbsent(expires) ? undefined : parseExpiry(String(expires), rules.nowMs);
    const expiresAt = chosenExpiry(given, report.expiresAt, rules.nowMs);
    const content: Secret = { fields, ...(expiresAt !== undefined && { expiresAt }) };
    return { ...name, content, warnings: report.warnings };
  } catch (error) {
    if (error instanceof OperationError) return error.message;
    throw error;
  }
}

/** An unknown type is not quoted, since it may be a misplaced secret. */
function typeFault(type: string, { types }: ImportRules): string {
  if (types.has(type)) return `the type ${JSON.stringify(type)} does not open`;
  const known = [...types.keys()];
  const told = known.slice(0, maxTypes).map((name) => JSON.stringify(name));
  if (known.length > maxTypes) told.push(`${known.length - maxTypes} more`);
  return known.length === 0
    ? 'there is no type yet'
    : `the type is none of those that there are: ${told.join(', ')}`;
}

/** @throws OperationError input_invalid */
function fieldsOf(secret: unknown): Record<string, string> {
  if (isTextRecord(secret)) return checkedFields(secret);
  if (typeof secret === 'string' && Buffer.byteLength(secret) <= maxSecretBytes)
    return parseSecretText(secret);
  throw new OperationError(
    'input_invalid',
    isAbsent(secret)
      ? 'there is no secret'
      : `the secret is neither text of up to ${maxSecretBytes} bytes nor an object of texts`,
    'give the bare token, or an object of its fields',
  );
}

function isAbsent(value: unknown): boolean {
  return value === undefined || value === null || value === '';
}
