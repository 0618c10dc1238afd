import { isDeepStrictEqual } from 'node:util';
import { destinationCovers } from '../../../shared/policy/destination-cover.ts';
import { isUnlimited, matchesPattern } from '../../../shared/policy/grant.ts';
import type { Grant, Policy } from '../../../shared/policy/schema.ts';
import type { AppDocument } from '../../at-rest/document-row.ts';
import type { TokenRow } from '../../store/store.ts';
import type { OperationContext } from '../context.ts';
import { ifParsed } from '../policy/if-parsed.ts';
import { injectionMisfit, inspectToken } from '../tokens.ts';
import type { Losses, TokenQuestion } from './affected-tokens.ts';
import type { Draft } from './drafts.ts';

/** The losses by the change of a type; `apps` are those that there will be. */
export function typeConsequences(
  context: OperationContext,
  { id, before, after }: Extract<Draft, { kind: 'type' }>,
  apps: ReadonlyMap<string, AppDocument>,
): Losses {
  const name = `the type ${JSON.stringify(id)}`;
  const granted = appsWith(apps, (grant) => matchesPattern(grant.type, id));
  if (after === undefined) {
    return {
      sentences:
        granted.length > 0 ? [`${name} is deleted, which is granted to ${named(granted)}`] : [],
      questions: [
        {
          affects: ({ tokenType }) => (tokenType === id ? '' : undefined),
          say: (tokens) => `without ${name}, no app may use ${tokens}; the rows stay stored`,
        },
      ],
    };
  }
  return {
    sentences:
      before === undefined || granted.length === 0
        ? []
        : lostUses(id, before, after, apps, `granted to ${named(granted)}`),
    // No token of a type that is new was released before.
    questions:
      before === undefined
        ? []
        : [...unfilled(context, id, before, after), ...otherWay(context, id, before, after)],
  };
}

/** Sentences on what calls do no more; `to` says to whom the type is granted. */
function lostUses(
  id: string,
  before: Policy,
  after: Policy,
  apps: ReadonlyMap<string, AppDocument>,
  to: string,
): string[] {
  const name = `the type ${JSON.stringify(id)}`;
  const endpoints = without(before.tokenEndpoints, after.tokenEndpoints);
  return [
    ...lostPlaces(before, after).map((place) => `tokens of ${name} go to ${place} no more; ${to}`),
    ...lostPlainPlaces(before, after).map(
      (place) => `calls of ${name} go to ${place} no more; ${to}`,
    ),
    ...endpoints.map((url) => `no SDK gets a token of ${name} at ${url} any more; ${to}`),
    ...answeredCalls(before, after).map(
      (url) => `calls of ${name} to ${url} go there no more: the proxy answers them; ${to}`,
    ),
    ...lostCalls(id, before, after, apps),
    ...lostRedactions(before, after).map((what) => `answers of ${name} may show ${what}; ${to}`),
  ];
}

function appsWith(
  apps: ReadonlyMap<string, AppDocument>,
  test: (grant: Grant) => boolean,
): string[] {
  return [...apps].filter(([, { grants }]) => grants.some(test)).map(([app]) => app);
}

function unfilled(
  context: OperationContext,
  id: string,
  before: Policy,
  { injection }: Policy,
): TokenQuestion[] {
  if (isDeepStrictEqual(before.injection, injection)) return [];
  return [
    {
      affects: (row) => {
        if (row.tokenType !== id) return undefined;
        const token = inspectToken(context, row);
        const wasFit = injectionMisfit(token, before.injection) === undefined;
        return wasFit ? injectionMisfit(token, injection) : undefined;
      },
      say: (tokens, reason) =>
        `the type ${JSON.stringify(id)} would not be filled by ${tokens}: ${reason}`,
    },
  ];
}

/** Tokens of another marketplace, or another way to authenticate there, whose fields have the names that are wanted. */
function otherWay(
  context: OperationContext,
  id: string,
  { preset: was }: Policy,
  { preset: is, injection }: Policy,
): TokenQuestion[] {
  if (was === undefined || is === undefined) return [];
  if (was.id === is.id && was.auth === is.auth) return [];
  const isFit = (row: TokenRow) =>
    injectionMisfit(inspectToken(context, row), injection) === undefined;
  return [
    {
      affects: (row) =>
        row.tokenType === id && isFit(row) ? `${was.id} (${was.auth})` : undefined,
      say: (tokens, place) =>
        `${tokens}, put for ${place}, would be sent as of ${is.id} (${is.auth}) by the type ${JSON.stringify(id)}`,
    },
  ];
}

/** Calls that grants with methods or paths allow no more, since something else selects their operation. */
function lostCalls(
  id: string,
  { routedBy: before = {} }: Policy,
  { routedBy: after = {} }: Policy,
  apps: ReadonlyMap<string, AppDocument>,
): string[] {
  const limited = appsWith(apps, (grant) => matchesPattern(grant.type, id) && !isUnlimited(grant));
  const added = (['query', 'form'] as const).flatMap((place) => {
    const names = after[place]?.filter((name) => before[place]?.includes(name) !== true) ?? [];
    return names.length > 0 ? [` with ${names.join(' or ')} in the ${place}`] : [];
  });
  const lost = after.body && !before.body ? [''] : added;
  if (limited.length === 0) return [];
  return lost.map(
    (what) =>
      `calls of the type ${JSON.stringify(id)}${what} need a grant without methods and paths; with some it is granted to ${named(limited)}`,
  );
}

/** Destinations and private addresses that are no longer allowed. */
function lostPlaces(before: Policy, after: Policy): string[] {
  return [
    ...before.destinations.filter(
      (lost) => !after.destinations.some((other) => covers(other, lost)),
    ),
    ...without(before.unsafeAllowPrivate, after.unsafeAllowPrivate),
  ];
}

function lostPlainPlaces(before: Policy, after: Policy): string[] {
  const left = [...after.destinations, ...(after.plainDestinations ?? [])];
  return (before.plainDestinations ?? []).filter(
    (lost) => !left.some((other) => covers(other, lost)),
  );
}

function without(some: readonly string[] = [], others: readonly string[] = []): string[] {
  return some.filter((one) => !others.includes(one));
}

function lostRedactions(before: Policy, after: Policy): string[] {
  const isScrubbed = after.scrub !== false;
  return [
    ...(before.scrub !== false && !isScrubbed ? ['tokens'] : []),
    ...(isScrubbed
      ? without(after.publicFields, before.publicFields).map((one) => `the field ${one}`)
      : []),
    ...without(before.redactMembers, after.redactMembers).map((one) => `the member ${one}`),
  ];
}

/** New token endpoints that calls went to. */
function answeredCalls(before: Policy, after: Policy): string[] {
  const places = [...before.destinations, ...(before.plainDestinations ?? [])];
  return without(after.tokenEndpoints, before.tokenEndpoints).filter((url) =>
    places.some((one) => covers(one, url)),
  );
}

/** An earlier version may have stored a destination that no call goes to. */
function covers(destination: string, lost: string): boolean {
  return ifParsed(destination === lost, () => destinationCovers(destination, lost));
}

const maxNamed = 5;

function named(apps: readonly string[]): string {
  const some = apps.slice(0, maxNamed).join(', ');
  return `${apps.length === 1 ? 'the app' : 'the apps'} ${some}${apps.length > maxNamed ? ', …' : ''}`;
}
