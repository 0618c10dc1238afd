import type { Clock } from '../../../shared/clock.ts';
import { check } from '../../../shared/doctor/check.ts';
import { matchesPattern } from '../../../shared/policy/grant.ts';
import { grantId } from '../../../shared/policy/grant-id.ts';
import type { Grant, Policy } from '../../../shared/policy/schema.ts';
import { type DocumentKind, type DocumentRow, isDocumentKind } from '../../store/store.ts';
import type { ReadContext } from '../context.ts';
import { count } from '../count.ts';
import { doesNotOpen, type FoundDocument, listDocuments } from '../documents.ts';
import { lastUses } from '../keys/caller-keys.ts';
import { caExpiry, policyFaults } from '../policy/policy-faults.ts';
import { checkCallers } from './caller-checks.ts';
import type { Check } from './check.ts';
import { checkImages } from './image-check.ts';
import { MissingKeys } from './missing-keys.ts';

/** The defined types; undefined for a policy that does not open. */
export type KnownTypes = ReadonlyMap<string, Policy | undefined>;

export interface AppGrant {
  readonly app: string;
  readonly grant: Grant;
}

export function grantName({ app, grant }: AppGrant): string {
  return `the grant ${grantId(grant)} of the app ${JSON.stringify(app)}`;
}

export function matchesType({ type }: Grant, types: KnownTypes): boolean {
  return [...types.keys()].some((name) => matchesPattern(type, name));
}

/** Checks every document's MAC and form, and the references between documents. */
export async function checkDocuments(context: ReadContext) {
  const types = await listDocuments(context, 'type');
  const apps = await listDocuments(context, 'app');
  const proxies = await listDocuments(context, 'proxy');
  const rows = await context.store.documents();
  const missingKeys = new MissingKeys(context.keyring);
  const keyless = new Set(
    rows
      .filter(({ kind, id, kid }) =>
        missingKeys.note('documents', kid, `the ${kind} ${JSON.stringify(id)}`),
      )
      .map(({ kind, id }) => `${kind} ${id}`),
  );
  const uses = await lastUses(context);
  const known = new Map(types.map(({ id, content }) => [id, content]));
  const grants = apps.flatMap(({ id, content }) =>
    (content?.grants ?? []).map((grant) => ({ app: id, grant })),
  );
  const broken = (kind: DocumentKind, documents: readonly FoundDocument<DocumentKind>[]) =>
    documents
      .filter(({ id, content }) => content === undefined && !keyless.has(`${kind} ${id}`))
      .map(({ id }) => doesNotOpen(kind, id).message);
  return {
    types: known,
    grants,
    missingKeys,
    checks: [
      check(
        'documents',
        [
          ...[count(types.length, 'type'), count(apps.length, 'app')],
          count(proxies.length, 'proxy', 'proxies'),
          ...(context.keyring === undefined ? ['not verified'] : []),
        ].join(', '),
        [
          ...broken('type', types),
          ...broken('app', apps),
          ...broken('proxy', proxies),
          ...strange(rows),
          ...repeated(rows),
        ],
      ),
      await checkImages(context, missingKeys),
      check('types', 'destinations and injection', types.flatMap(typeFaults)),
      checkCas(types, context.clock),
      check(
        'unsafe types',
        'plaintext and private addresses',
        types.flatMap(unsafeTypes),
        'warning',
      ),
      check(
        'grants',
        'their types',
        grants
          .filter(({ grant }) => !matchesType(grant, known))
          .map((one) => `${grantName(one)} matches no type (${JSON.stringify(one.grant.type)})`),
      ),
      ...checkCallers(apps, proxies, context.clock, uses),
    ],
  };
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
  return [...faults, `${name} has no destinations, so its tokens are never sent`];
}

/** An ended CA fails every connection of its type. */
function checkCas(types: readonly FoundDocument<'type'>[], clock: Clock): Check {
  const findings = types.flatMap(({ id, content }) =>
    content === undefined ? [] : caExpiry(id, content, clock.now()),
  );
  return check(
    'type CAs',
    count(types.filter(({ content }) => content?.ca !== undefined).length, 'type'),
    findings.map(({ sentence }) => sentence),
    findings.some(({ severity }) => severity === 'fault') ? 'fault' : 'warning',
  );
}

function unsafeTypes({ id, content }: FoundDocument<'type'>): string[] {
  const name = `the type ${JSON.stringify(id)}`;
  return [
    ...(content?.unsafePlaintext ? [`${name} lets tokens cross the network in clear`] : []),
    ...(content?.unsafeAllowPrivate?.length
      ? [`${name} may reach ${content.unsafeAllowPrivate.join(', ')}`]
      : []),
  ];
}
