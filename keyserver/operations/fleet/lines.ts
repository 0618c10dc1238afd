import { canonicalGrant } from '../../../shared/policy/grant-id.ts';
import { describeInjection } from '../../../shared/policy/injection/injection.ts';
import type { Grant, Policy } from '../../../shared/policy/schema.ts';
import type { Binding } from '../../../shared/protocol/messages.ts';
import { describeBinding } from '../changes/binding.ts';
import { describeCa } from '../changes/describe-ca.ts';
import type { Draft } from '../changes/drafts.ts';
import { describeGrant } from '../changes/lost-rights.ts';
import { type PolicyChange, policyChanges } from '../types.ts';
import { AddedGrants } from './added-grants.ts';

/** The lines of a plan for one document. */
export function linesOf(draft: Draft): string[] {
  const { kind, id, before, after } = draft;
  const name = `${kind} ${id}`;
  if (after === undefined) return [`- ${name}`];
  const { grants: oldGrants = [], ...old } = withoutKeys(before);
  const { grants: newGrants = [], ...now } = withoutKeys(after);
  if (before === undefined) {
    return [`+ ${name}${summary(draft)}`, ...grantLines(id, [], newGrants)];
  }
  return [
    ...policyChanges(old, now).map((change) => `~ ${name}: ${memberLine(change)}`),
    ...grantLines(id, oldGrants, newGrants),
  ].filter((line) => line !== '');
}

type Members = Readonly<Record<string, unknown>> & { readonly grants?: readonly Grant[] };

function withoutKeys(body: Draft['before']): Members {
  const { keys, ...members } = (body ?? {}) as Members & { readonly keys?: unknown };
  return members;
}

function summary({ kind, after }: Draft): string {
  if (kind !== 'type') {
    const { grants, ...members } = withoutKeys(after);
    const told = Object.entries(members).map(([name, value]) => ` ${name} ${text(name, value)}`);
    return told.length === 0 ? '' : `:${told.join(',')}`;
  }
  const { destinations, injection, ...others } = after as Policy;
  const told = Object.entries(others).map(([name, value]) => `, ${name} ${text(name, value)}`);
  return `: ${destinations.join(' ')}, ${describeInjection(injection)}${told.join('')}`;
}

function memberLine({ member, from, to }: PolicyChange): string {
  if (isList(from) && isList(to)) {
    const moved = [
      ...to.filter((one) => !from.includes(one)).map((one) => ` + ${one}`),
      ...from.filter((one) => !to.includes(one)).map((one) => ` - ${one}`),
    ];
    if (moved.length > 0) return `${member}${moved.join('')}`;
  }
  return `${member} ${text(member, from)} -> ${text(member, to)}`;
}

function isList(value: unknown): value is readonly string[] {
  return Array.isArray(value);
}

/** The meaning of a limit that is not there. */
const absent: Readonly<Record<string, string>> = {
  clients: 'all',
  types: 'all',
  methods: 'all',
  paths: 'all',
  certificateNames: 'none needed',
};

function text(member: string, value: unknown): string {
  if (value === undefined) return absent[member] ?? 'not set';
  if (member === 'ca') return describeCa(value as string);
  if (member === 'injection') return describeInjection(value as Policy['injection']);
  if (member === 'bound') return describeBinding(value as Binding);
  if (isList(value)) return value.join(' ');
  return JSON.stringify(value);
}

/** A removed grant and an added one that differ in one member are a change of it. */
function grantLines(app: string, before: readonly Grant[], after: readonly Grant[]): string[] {
  // Neither by their ids nor each with each: an app may have tens of thousands, and hashing takes long.
  const key = (grant: Grant) => JSON.stringify(canonicalGrant(grant));
  const kept = new Set(before.map(key));
  const left = new Set(after.map(key));
  const added = new AddedGrants(after.filter((grant) => !kept.has(key(grant))));
  const removed = before.filter((grant) => !left.has(key(grant)));
  const changed: string[] = [];
  const gone = removed.filter((grant) => {
    const other = added.takeSimilar(grant);
    if (other === undefined) return true;
    const [change] = policyChanges(canonicalGrant(grant), canonicalGrant(other));
    const subject = `grant of ${app} (${describeGrant(grant)})`;
    if (change !== undefined) changed.push(`~ ${subject}: ${memberLine(change)}`);
    return false;
  });
  return [
    ...added.left.map((grant) => `+ grant of ${app}: ${describeGrant(grant)}`),
    ...changed,
    ...gone.map((grant) => `- grant of ${app}: ${describeGrant(grant)}`),
  ];
}
