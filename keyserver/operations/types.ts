import { isDeepStrictEqual } from 'node:util';
import type { Policy } from '../../shared/policy/schema.ts';
import type { OperationContext } from './context.ts';
import { changeDocument, doesNotOpen, type FoundDocument } from './documents.ts';
import { whetherMeant } from './names-alike.ts';
import { inputInvalid } from './operation-error.ts';
import { addressFaults } from './policy/address-faults.ts';
import { caExpiry, policyFaults } from './policy/policy-faults.ts';

export type PolicyChange = ReturnType<typeof policyChanges>[number];

export interface PutTypeResult {
  readonly outcome: 'created' | 'replaced' | 'unchanged';
  /** Empty unless a type that opened was replaced. */
  readonly changes: readonly PolicyChange[];
}

/**
 * Defines a token type, or replaces its whole policy. A type that does not open is replaced only with
 * `force`. @throws OperationError input_invalid, integrity_failed
 */
export async function putType(
  context: OperationContext,
  id: string,
  policy: Policy,
  { force = false }: { force?: boolean } = {},
): Promise<PutTypeResult> {
  checkPolicy(context, id, policy);
  let result: PutTypeResult = { outcome: 'created', changes: [] };
  await changeDocument(context, 'type', id, (current) => {
    result = putResult(id, current, policy, force);
    return result.outcome === 'unchanged' ? 'unchanged' : policy;
  });
  return result;
}

/** The difference that a policy makes to a type as found. @throws OperationError integrity_failed without `force` */
export function putResult(
  id: string,
  current: Pick<FoundDocument<'type'>, 'content'> | undefined,
  policy: Policy,
  force: boolean,
): PutTypeResult {
  if (current === undefined) return { outcome: 'created', changes: [] };
  if (current.content === undefined) {
    if (!force) throw doesNotOpen('type', id);
    return { outcome: 'replaced', changes: [] };
  }
  const changes = policyChanges(current.content, policy);
  return { outcome: changes.length > 0 ? 'replaced' : 'unchanged', changes };
}

/** @throws OperationError input_invalid naming every fault */
export function checkPolicy(context: OperationContext, id: string, policy: Policy): void {
  refuse(policy, typeFaults(context, id, policy));
}

/** @throws OperationError input_invalid naming every fault that a policy has by itself */
export function checkPolicyAlone(policy: Policy): void {
  refuse(policy, policyFaults(policy));
}

function refuse(policy: Policy, faults: readonly string[]): void {
  if (faults.length === 0) return;
  const blocks = addressFaults(policy).flatMap(({ block }) => block ?? []);
  throw inputInvalid(
    faults.length === 1
      ? `${faults[0]}`
      : `the policy has ${faults.length} faults:\n  - ${faults.join('\n  - ')}`,
    blocks.length === faults.length
      ? { do: 'allow_addresses', blocks: [...new Set(blocks)] }
      : { do: 'see_policy_examples' },
  );
}

/** The faults that a type would have, a sentence each. */
export function typeFaults(context: OperationContext, id: string, policy: Policy): string[] {
  return [...policyFaults(policy), ...endedCas(context, id, policy)];
}

function endedCas({ clock }: OperationContext, id: string, policy: Policy): string[] {
  return caExpiry(id, policy, clock.now())
    .filter(({ severity }) => severity === 'fault')
    .map(({ sentence }) => sentence);
}

/** The members in which two values differ; `from` or `to` is undefined if it is absent. */
export function policyChanges(from: object, to: object) {
  const before = from as Readonly<Record<string, unknown>>;
  const after = to as Readonly<Record<string, unknown>>;
  const members = new Set([...Object.keys(before), ...Object.keys(after)]);
  return [...members]
    .map((member) => ({ member, from: before[member], to: after[member] }))
    .filter((change) => !isDeepStrictEqual(change.from, change.to));
}

/** Says that there is no such type, and which one may be meant. @param types all that there are */
export function noType(id: string, types: readonly { readonly id: string }[]): string {
  const ids = types.map((type) => type.id);
  const known = ids.map((one) => JSON.stringify(one)).join(', ');
  const others = known === '' ? '' : `; there is ${known}`;
  return `there is no type ${JSON.stringify(id)}${whetherMeant(id, ids) || others}`;
}
