import type { Clock } from '../../../shared/clock.ts';
import { check } from '../../../shared/doctor/check.ts';
import { matchingGrants } from '../../../shared/policy/grant.ts';
import { inLessThan, warnedWithin } from '../../../shared/tls/expiry.ts';
import type { ReadContext } from '../context.ts';
import { count } from '../count.ts';
import { weakFields } from '../intelligence/inspect-secret.ts';
import { type InspectedToken, injectionMisfit, inspectToken } from '../tokens.ts';
import { type Check, type Finding, skipped } from './check.ts';
import { type checkDocuments, grantName, type KnownTypes, matchesType } from './document-checks.ts';

const legacyFinding =
  'written by the earlier system, without authentication: served only with UNSAFE_LEGACY_ROWS=1';
/** An earlier table has one for every token; a single one may have been planted. */
const maxLegacyNames = 20;

/** Opens every token row, one by one, and checks it against its type. */
export async function checkTokens(
  context: ReadContext,
  { types, grants, missingKeys }: Awaited<ReturnType<typeof checkDocuments>>,
): Promise<Check[]> {
  const isVerified = context.keyring !== undefined;
  const bad: string[] = [];
  const unfit: string[] = [];
  const expired: string[] = [];
  const expiring: string[] = [];
  const names = new Set<string>();
  // Another check reports grants without a type.
  let unused = grants.filter(({ grant }) => matchesType(grant, types));
  let rows = 0;
  const legacyRows: string[] = [];
  const guessable: string[] = [];
  for await (const row of context.store.listTokens()) {
    const name = `client ${JSON.stringify(row.clientId)}, type ${JSON.stringify(row.tokenType)}`;
    const token = inspectToken(context, row);
    const { opens, legacy, expiresAt } = token.summary;
    rows += 1;
    unused = unused.filter(
      ({ grant }) => matchingGrants([grant], row.clientId, row.tokenType).length === 0,
    );
    if (legacy) legacyRows.push(name);
    const isKeyless = missingKeys.note('tokens', token.summary.kid, name);
    if (opens === false && !isKeyless) bad.push(`${name}: does not open`);
    if (names.has(name)) bad.push(`${name}: has more than one row`);
    names.add(name);
    const fault = unfitness(token, types);
    if (fault !== undefined) unfit.push(`${name}: ${fault}`);
    const weak = weakFields(types.get(row.tokenType) ?? {}, token.secret?.fields ?? {});
    guessable.push(...weak.map((field) => `${name}: ${field}`));
    if (token.summary.expired) expired.push(`${name}: expired at ${expiresAt}`);
    else if (expiresAt !== null) expiring.push(...expiry(name, expiresAt, context.clock));
  }
  return [
    missingKeys.check(),
    check('tokens', `${count(rows, 'row')}${isVerified ? '' : ', not opened'}`, bad),
    check('token fields', isVerified ? 'against their types' : 'their types alone', unfit),
    ...[
      check('expired tokens', count(expired.length, 'token'), expired),
      check('expiring tokens', count(expiring.length, 'token'), expiring, 'warning'),
      check('weak secrets', count(guessable.length, 'field'), guessable, 'warning'),
    ].map((made) => (isVerified ? made : skipped(made.name))),
    check(
      'unused grants',
      'their tokens',
      unused.map((one) => `${grantName(one)} matches no stored token`),
      'warning',
    ),
    checkLegacyRows(legacyRows),
  ];
}

function checkLegacyRows(names: readonly string[]): Check {
  const more = names.length - maxLegacyNames;
  const findings: Finding[] = names
    .slice(0, maxLegacyNames)
    .map((name) => `${name}: ${legacyFinding}`);
  if (names.length > 0) {
    findings.push({
      problem: more > 0 ? `and ${count(more, 'row')} more` : 'they can be sealed',
      suggestion: { do: 'check_legacy_rows' },
    });
  }
  return check('legacy rows', count(names.length, 'row'), findings, 'warning');
}

function expiry(name: string, expiresAt: string, clock: Clock): string[] {
  const days = warnedWithin(Date.parse(expiresAt), clock.now());
  return days === undefined ? [] : [`${name}: expires at ${expiresAt}, ${inLessThan(days)}`];
}

function unfitness(token: InspectedToken, types: KnownTypes): string | undefined {
  const { type } = token.summary;
  if (!types.has(type)) return 'the type is not defined';
  const policy = types.get(type);
  // Another check reports a type or token that does not open.
  return policy && injectionMisfit(token, policy.injection);
}
