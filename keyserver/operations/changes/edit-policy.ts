import type { Policy } from '../../../shared/policy/schema.ts';
import { inputInvalid } from '../operation-error.ts';

/** Members of a policy that are lists of texts. */
export type ListMember = {
  [Member in keyof Policy]-?: Policy[Member] extends readonly string[] | undefined ? Member : never;
}[keyof Policy];
export type Lists = Readonly<Partial<Record<ListMember, readonly string[]>>>;

export interface PolicyPatch {
  readonly add: Lists;
  readonly remove: Lists;
  /** New values; undefined stands for the default. */
  readonly set: { readonly [Member in keyof Policy]?: Policy[Member] | undefined };
}

/** @throws OperationError input_invalid if an element to remove is not there, or nothing is asked for */
export function editPolicy(id: string, policy: Policy, { add, remove, set }: PolicyPatch): Policy {
  if ([add, remove, set].every((changes) => Object.keys(changes).length === 0)) {
    throw inputInvalid('nothing is to be changed', 'name what to add, to remove or to set');
  }
  const lists = (Object.keys({ ...remove, ...add }) as ListMember[]).map((member) => [
    member,
    edited(id, member, policy[member] ?? [], add[member] ?? [], remove[member] ?? []),
  ]);
  const members = { ...policy, ...Object.fromEntries(lists), ...set };
  const isLeft = ([name, value]: [string, unknown]) =>
    value !== undefined && (name === 'destinations' || !Array.isArray(value) || value.length > 0);
  return Object.fromEntries(Object.entries(members).filter(isLeft)) as Policy;
}

function edited(
  id: string,
  member: ListMember,
  list: readonly string[],
  add: readonly string[],
  remove: readonly string[],
): string[] {
  const missing = remove.find((one) => !list.includes(one));
  if (missing !== undefined) {
    throw inputInvalid(
      `the type ${JSON.stringify(id)} has no ${JSON.stringify(missing)} among its ${member}`,
      { do: 'show_type', type: id },
    );
  }
  const left = list.filter((one) => !remove.includes(one));
  if (member === 'destinations' && left.length + add.length === 0) {
    throw inputInvalid(
      `the type ${JSON.stringify(id)} would have no destination left`,
      'delete it, or add another one in the same step',
    );
  }
  return [...new Set([...left, ...add])];
}
