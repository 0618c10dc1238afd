import type { Clock } from '../../../shared/clock.ts';
import { patternCovers } from '../../../shared/policy/cover.ts';
import { matchingGrants } from '../../../shared/policy/grant.ts';
import type { AppDocument, CallerKey, ProxyDocument } from '../../at-rest/document-row.ts';
import { anonymousApp, hasKeyExpired } from '../../release/callers.ts';
import type { OperationContext } from '../context.ts';
import { count } from '../count.ts';
import { affectedTokens, type Losses } from './affected-tokens.ts';
import type { Draft, StoredDocuments } from './drafts.ts';
import { describeGrant, lostRights } from './lost-rights.ts';
import { typeConsequences } from './type-consequences.ts';

/**
 * Says what changes would cut: apps and proxies that work, rights that stored tokens match, and tokens
 * that would not be released any more. Empty if they only add. Reads tokens only if it must.
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
  return [...losses.flatMap(({ sentences }) => sentences), ...answers];
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
    sentences: before.direct && !after.direct ? [`${name} receives no tokens itself any more`] : [],
    questions: lostRights(before.grants, after.grants).map((lost) => ({
      affects: ({ clientId, tokenType }) =>
        matchingGrants([lost], clientId, tokenType).length > 0 ? '' : undefined,
      say: (tokens) => `${name} loses ${describeGrant(lost)}: ${tokens}`,
    })),
  };
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
