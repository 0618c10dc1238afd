import { matchesPattern } from '../../../shared/policy/grant.ts';
import type { Policy } from '../../../shared/policy/schema.ts';
import { type DocumentKind, type DocumentRow, isDocumentKind } from '../../store/store.ts';
import type { AdminContext } from '../context.ts';
import { doesNotOpen, type FoundDocument, listDocuments } from '../documents.ts';
import { grantId } from '../grants.ts';
import { count } from '../output.ts';
import { policyFaults } from '../policy-faults.ts';
import { type Check, check } from './check.ts';

/** The types that are defined; undefined in place of a policy that does not open. */
export type KnownTypes = ReadonlyMap<string, Policy | undefined>;

/** Checks every document's MAC and form, and what they say of each other. */
export async function checkDocuments(
  context: AdminContext,
): Promise<{ checks: Check[]; types: KnownTypes }> {
  const types = await listDocuments(context, 'type');
  const apps = await listDocuments(context, 'app');
  const proxies = await listDocuments(context, 'proxy');
  const rows = await context.store.documents();
  const known = new Map(types.map(({ id, content }) => [id, content]));
  return {
    types: known,
    checks: [
      check(
        'documents',
        `${count(types.length, 'type')}, ${count(apps.length, 'app')}, ${count(proxies.length, 'proxy', 'proxies')}`,
        [
          ...broken('type', types),
          ...broken('app', apps),
          ...broken('proxy', proxies),
          ...strange(rows),
          ...repeated(rows),
        ],
      ),
      check('types', 'destinations and injection', types.flatMap(typeFaults)),
      check(
        'unsafe types',
        'plaintext and private addresses',
        types.flatMap(unsafeTypes),
        'warning',
      ),
      check(
        'grants',
        'their types',
        apps.flatMap((app) => grantFaults(app, known)),
      ),
    ],
  };
}

function broken<K extends DocumentKind>(kind: K, documents: readonly FoundDocument<K>[]): string[] {
  return documents
    .filter(({ content }) => content === undefined)
    .map((document) => doesNotOpen(kind, document).message);
}

function strange(rows: readonly DocumentRow[]): string[] {
  return rows
    .filter(({ kind }) => !isDocumentKind(kind))
    .map(
      ({ kind, id }) =>
        `the document ${JSON.stringify(id)} is of the unknown kind ${JSON.stringify(kind)}`,
    );
}

function repeated(rows: readonly DocumentRow[]): string[] {
  const seen = new Set<string>();
  return rows.flatMap(({ kind, id }) => {
    const name = `${kind} ${JSON.stringify(id)}`;
    if (seen.has(name)) return [`the ${name} has more than one row`];
    seen.add(name);
    return [];
  });
}

function typeFaults({ id, content }: FoundDocument<'type'>): string[] {
  if (content === undefined) return [];
  const name = `the type ${JSON.stringify(id)}`;
  const faults = policyFaults(content).map((fault) => `${name}: ${fault}`);
  if (content.destinations.length > 0) return faults;
  return [...faults, `${name} has no destinations, so its tokens go nowhere`];
}

function unsafeTypes({ id, content }: FoundDocument<'type'>): string[] {
  const name = `the type ${JSON.stringify(id)}`;
  return [
    ...(content?.unsafePlaintext ? [`${name} lets tokens cross the network readable`] : []),
    ...(content?.unsafeAllowPrivate?.length
      ? [`${name} may reach ${content.unsafeAllowPrivate.join(', ')}`]
      : []),
  ];
}

function grantFaults({ id, content }: FoundDocument<'app'>, types: KnownTypes): string[] {
  return (content?.grants ?? [])
    .filter(({ type }) => ![...types.keys()].some((name) => matchesPattern(type, name)))
    .map(
      (grant) =>
        `the grant ${grantId(grant)} of the app ${JSON.stringify(id)} matches no type (${JSON.stringify(grant.type)})`,
    );
}
