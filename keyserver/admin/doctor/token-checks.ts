import { matchingGrants } from '../../../shared/policy/grant.ts';
import { fieldsFault } from '../../../shared/policy/injection/injection.ts';
import type { AdminContext } from '../../operations/context.ts';
import { type InspectedToken, inspectToken } from '../../operations/tokens.ts';
import { count } from '../shell/output.ts';
import { type Check, check } from './check.ts';
import { type AppGrant, grantName, type KnownTypes, matchesType } from './document-checks.ts';

const legacyFinding =
  'of the earlier system, without authentication: served only with UNSAFE_LEGACY_ROWS=1';

/** Opens every token row, one after another, and judges each by its type. */
export async function checkTokens(
  context: AdminContext,
  { types, grants }: { readonly types: KnownTypes; readonly grants: readonly AppGrant[] },
): Promise<Check[]> {
  const bad: string[] = [];
  const unfit: string[] = [];
  const expired: string[] = [];
  const names = new Set<string>();
  // A grant without a type is another check's finding.
  let unused = grants.filter(({ grant }) => matchesType(grant, types));
  let rows = 0;
  const legacyRows: string[] = [];
  for await (const row of context.store.listTokens()) {
    const name = `client ${JSON.stringify(row.clientId)}, type ${JSON.stringify(row.tokenType)}`;
    const token = inspectToken(context, row);
    const { opens, legacy, expiresAt } = token.summary;
    rows += 1;
    unused = unused.filter(
      ({ grant }) => matchingGrants([grant], row.clientId, row.tokenType).length === 0,
    );
    if (legacy) legacyRows.push(`${name}: ${legacyFinding}`);
    if (opens === false) bad.push(`${name}: does not open`);
    if (names.has(name)) bad.push(`${name}: has more than one row`);
    names.add(name);
    const fault = unfitness(token, types);
    if (fault !== undefined) unfit.push(`${name}: ${fault}`);
    if (token.summary.expired) expired.push(`${name}: ended ${expiresAt}`);
  }
  return [
    check('tokens', count(rows, 'row'), bad),
    check('token fields', 'against their types', unfit),
    check('expired tokens', count(expired.length, 'token'), expired),
    check(
      'unused grants',
      'their tokens',
      unused.map((one) => `${grantName(one)} matches no stored token`),
      'warning',
    ),
    check('legacy rows', count(legacyRows.length, 'row'), legacyRows, 'warning'),
  ];
}

function unfitness({ summary, secret }: InspectedToken, types: KnownTypes): string | undefined {
  if (!types.has(summary.type)) return 'the type is not defined';
  const policy = types.get(summary.type);
  // What does not open is another check's finding.
  return policy && secret ? fieldsFault(policy.injection, secret.fields) : undefined;
}
