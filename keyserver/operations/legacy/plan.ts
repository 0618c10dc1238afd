import {
  examineLegacyRow,
  type LegacyFault,
  type LegacyKey,
} from '../../../shared/crypto/legacy-row.ts';
import { tokenRowKid } from '../../../shared/crypto/token-row.ts';
import { nameFault } from '../../../shared/names.ts';
import { fieldsFault } from '../../../shared/policy/injection/injection.ts';
import type { Fields } from '../../../shared/policy/injection/template.ts';
import type { Policy } from '../../../shared/policy/schema.ts';
import { jsonFields, takesWhole } from '../../at-rest/legacy-fields.ts';
import { sealSecret } from '../../at-rest/secret.ts';
import type { Keyring } from '../../keys/keyring.ts';
import type { PlacedToken, TokenRow } from '../../store/store.ts';
import type { Left } from './passes.ts';

/** Why a row of the earlier system is left as it is. */
type LeftReason =
  | 'name'
  | 'repeated'
  | 'form'
  | 'key'
  | 'encoding'
  | 'type_undefined'
  | 'json'
  | 'fields'
  | 'column';

/** The plan for a row: nothing if a keyring sealed it, a sealed token, or nothing for a reason. */
export type Plan =
  | { readonly is: 'sealed' }
  | { readonly is: 'ready'; readonly token: string }
  | LeftPlan;

interface LeftPlan extends Left {
  readonly is: 'left';
  readonly reason: LeftReason;
  /** Characters that the column `token` would need. */
  readonly needsChars?: number;
}

export interface LegacyOptions {
  /** Whether to split the text of a JSON object into the fields of its type. */
  readonly jsonFields: boolean;
}

export interface PlanContext extends LegacyOptions {
  readonly keyring: Keyring;
  readonly legacyKey: LegacyKey;
  readonly types: ReadonlyMap<string, Policy>;
  /** {@link nameOf} each name that several rows have. */
  readonly repeated: ReadonlySet<string>;
  readonly maxTokenChars: number | undefined;
}

export function nameOf({ clientId, tokenType }: Pick<TokenRow, 'clientId' | 'tokenType'>): string {
  return `client ${JSON.stringify(clientId)}, type ${JSON.stringify(tokenType)}`;
}

const formFaults: Readonly<Record<LegacyFault, readonly [LeftReason, string]>> = {
  form: ['form', 'not base64 of whole AES blocks, so nothing that the earlier system wrote'],
  padding: ['key', 'does not open: it was sealed with another key, or damaged'],
  encoding: ['encoding', 'opens to no UTF-8: the key or the iv is another, or it was damaged'],
};

/** Plans a row: it is sealed if calls can use it then. No fault quotes the secret. */
export function planRow(context: PlanContext, row: PlacedToken): Plan {
  if (tokenRowKid(row.token) !== undefined) return { is: 'sealed' };
  const misnamed = legacyNameFault(row.clientId) ?? legacyNameFault(row.tokenType);
  if (misnamed !== undefined) return left('name', `its client or type ${misnamed}`);
  if (!row.isFound) {
    return left('name', 'its client or type equals no text, so no call finds it');
  }
  if (context.repeated.has(nameOf(row))) return left('repeated', 'has more than one row');
  const opened = examineLegacyRow(row.token, context.legacyKey);
  if ('fault' in opened) return left(...formFaults[opened.fault]);
  const policy = context.types.get(row.tokenType);
  if (policy === undefined) {
    return left('type_undefined', `the type ${JSON.stringify(row.tokenType)} is not defined`);
  }
  const fields = fieldsOf(opened.text, policy, context.jsonFields);
  if (typeof fields === 'string') return left('json', fields);
  const misfit = fieldsFault(policy.injection, fields);
  if (misfit !== undefined) {
    return left('fields', `does not fill the type ${JSON.stringify(row.tokenType)}: ${misfit}`);
  }
  const { token } = sealSecret(context.keyring, row, { fields });
  const { maxTokenChars = Number.POSITIVE_INFINITY } = context;
  if (token.length <= maxTokenChars) return { is: 'ready', token };
  const fault = `is longer once sealed than the ${maxTokenChars} characters of the column token`;
  return { ...left('column', fault), needsChars: token.length };
}

/** U+FFFD is what bytes that are no UTF-8 are read as: such a name finds its row no more. */
function legacyNameFault(name: string): string | undefined {
  return nameFault(name) ?? (name.includes('\ufffd') ? 'is not valid UTF-8' : undefined);
}

/** The text as one field, also if it is JSON that the type takes as such; otherwise its fields, or why it has none. */
function fieldsOf(text: string, { injection }: Policy, splits: boolean): Fields | string {
  if (takesWhole(text, injection)) return { token: text };
  if (!splits)
    return 'holds JSON that its type does not take as a whole, and is not to be split into fields';
  return (
    jsonFields(text) ??
    'holds JSON with other values than texts and numbers, or with names that no field can have'
  );
}

function left(reason: LeftReason, fault: string): LeftPlan {
  return { is: 'left', reason, fault };
}
