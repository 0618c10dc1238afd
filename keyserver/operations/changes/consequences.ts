import { isDeepStrictEqual } from 'node:util';
import type { Clock } from '../../../shared/clock.ts';
import { patternCovers } from '../../../shared/policy/destination-cover.ts';
import { judgeDirectGrants, matchingGrants } from '../../../shared/policy/grant.ts';
import { grantId } from '../../../shared/policy/grant-id.ts';
import type { Grant } from '../../../shared/policy/schema.ts';
import type { AppDocument, CallerKey, ProxyDocument } from '../../at-rest/document-row.ts';
import { anonymousApp, hasKeyExpired } from '../../release/callers.ts';
import type { TokenRow } from '../../store/store.ts';
import type { OperationContext } from '../context.ts';
import { count } from '../count.ts';
import { affectedTokens, type Losses, type TokenQuestion } from './affected-tokens.ts';
import { describeBinding } from './binding.ts';
import type { Draft, StoredDocuments } from './drafts.ts';
import { describeGrant, lostRights } from './lost-rights.ts';
import { typeConsequences } from './type-consequences.ts';

/**
 * Says what changes would cut: apps and proxies that work, rights that stored tokens match, and tokens
 * that would not be released any more; and safeguards of tokens. Empty if they only add. Reads tokens only if it must.
 */
export async function consequencesOf(
  context: OperationContext,
  stored: StoredDocuments,
  drafts: readonly Draft[],
): Promise<string[]> {
  const apps = stored.all('app');
  for (const draft of drafts) {
    if (draft.kind === 'app' && draft.after) apps.set(draft.id, draft.after);
    else if (draft.kind === 'app') apps.delete(draft.id);
  }
  const losses = drafts.map((draft) => lossesOf(context, draft, apps));
  const answers = await affectedTokens(
    context,
    losses.flatMap(({ questions }) => questions),
  );
  return [
    ...(await unverifiedHosts(drafts)),
    ...losses.flatMap(({ sentences }) => sentences),
    ...answers,
  ];
}

/** Tokens that may go to others than the verified hosts of a preset. Presets are loaded only if a type of one gets a destination. */
async function unverifiedHosts(drafts: readonly Draft[]): Promise<string[]> {
  const sentences: string[] = [];
  for (const draft of drafts) {
    if (draft.kind !== 'type') continue;
    const { id, row, before, after } = draft;
    const preset = after?.preset ?? before?.preset;
    const added = after?.destinations.filter((one) => before?.destinations.includes(one) !== true);
    if (preset === undefined || added === undefined || added.length === 0) continue;
    const { outsideOf } = await import('../presets/hosts.ts');
    sentences.push(
      ...outsideOf(preset, added).map(
        (one) =>
          `tokens of the ${row ? 'type' : 'new type'} ${JSON.stringify(id)} may go to ${one}, which is no host of the preset ${preset.id}`,
      ),
    );
  }
  return sentences;
}

function lossesOf(
  context: OperationContext,
  draft: Draft,
  apps: ReadonlyMap<string, AppDocument>,
): Losses {
  if (draft.kind === 'type') return typeConsequences(context, draft, apps);
  if (draft.kind === 'app') return appConsequences(draft, context.clock);
  return { sentences: proxyConsequences(draft, context.clock), questions: [] };
}

function appConsequences(
  { id, row, before, after }: Extract<Draft, { kind: 'app' }>,
  clock: Clock,
): Losses {
  const name = `the app ${JSON.stringify(id)}`;
  if (after === undefined) {
    const rights = before && count(before.grants.length, 'grant');
    const sentences = row ? [deleted(name, before && keysOf(before, clock), rights)] : [];
    return { sentences, questions: [] };
  }
  if (before === undefined || !isLive(id, before, clock)) return { sentences: [], questions: [] };
  return {
    sentences: [
      ...(before.direct && !after.direct ? [`${name} receives no tokens itself any more`] : []),
      ...lostBinding(name, before, after),
    ],
    questions: [
      ...lostRights(before.grants, after.grants).map((lost) => ({
        affects: ({ clientId, tokenType }: TokenRow) =>
          matchingGrants([lost], clientId, tokenType).length > 0 ? '' : undefined,
        say: (tokens: string) => `${name} loses ${describeGrant(lost)}: ${tokens}`,
      })),
      ...(before.direct && after.direct ? limitedReleases(name, before.grants, after.grants) : []),
    ],
  };
}

function lostBinding(name: string, { bound: before }: AppDocument, { bound }: AppDocument) {
  if (before === undefined || isDeepStrictEqual(before, bound)) return [];
  const instead = bound === undefined ? 'are refused' : `go to ${describeBinding(bound)}`;
  return [`${name} is not bound to ${describeBinding(before)} any more: its calls ${instead}`];
}

/** Tokens whose rights may all be left, but no longer in one grant that releases the token itself. */
function limitedReleases(
  name: string,
  before: readonly Grant[],
  after: readonly Grant[],
): TokenQuestion[] {
  const unlimited = before.filter((grant) => judgeDirectGrants([grant]).allowed);
  const left = new Set(after.map(grantId));
  if (unlimited.every((grant) => left.has(grantId(grant)))) return [];
  return [
    {
      affects: ({ clientId, tokenType }) => {
        const left = matchingGrants(after, clientId, tokenType);
        if (left.length === 0 || judgeDirectGrants(left).allowed) return undefined;
        return matchingGrants(unlimited, clientId, tokenType).length > 0 ? '' : undefined;
      },
      say: (tokens) =>
        `${name} does not receive ${tokens} any more: the grants that are left limit methods or paths`,
    },
  ];
}

function isLive(id: string, app: AppDocument, clock: Clock): boolean {
  return id === anonymousApp || keysOf(app, clock) > 0;
}

function keysOf({ keys }: { keys: readonly CallerKey[] }, clock: Clock): number {
  return keys.filter((key) => !hasKeyExpired(key, clock)).length;
}

function deleted(name: string, keys: number | undefined, rights?: string): string {
  if (keys === undefined) return `${name} is deleted; it does not open`;
  const has = [`${count(keys, 'key')} that ${keys === 1 ? 'works' : 'work'}`, rights];
  return `${name} is deleted with ${has.filter((part) => part !== undefined).join(' and ')}`;
}

function proxyConsequences(
  { id, row, before, after }: Extract<Draft, { kind: 'proxy' }>,
  clock: Clock,
): string[] {
  const name = `the proxy ${JSON.stringify(id)}`;
  if (after === undefined) return row ? [deleted(name, before && keysOf(before, clock))] : [];
  if (before === undefined || keysOf(before, clock) === 0) return [];
  const { certificateNames } = after;
  const isStricter =
    certificateNames !== undefined &&
    (before.certificateNames === undefined ||
      before.certificateNames.some((other) => !certificateNames.includes(other)));
  return [
    ...lostPatterns(name, 'clients', before, after),
    ...lostPatterns(name, 'types', before, after),
    ...(isStricter
      ? [`${name} is accepted only with the certificate ${certificateNames.join(' or ')}`]
      : []),
  ];
}

function lostPatterns(
  name: string,
  member: 'clients' | 'types',
  before: ProxyDocument,
  after: ProxyDocument,
): string[] {
  const left = after[member] ?? ['*'];
  const lost = (before[member] ?? ['*']).filter(
    (pattern) => !left.some((other) => patternCovers(other, pattern)),
  );
  if (lost.length === 0) return [];
  const rest = lost.includes('*') ? `but ${left.join(' ')}` : lost.join(' ');
  return [`${name} obtains no tokens of ${member} ${rest} any more`];
}
