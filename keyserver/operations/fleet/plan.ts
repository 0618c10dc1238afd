import { isDeepStrictEqual } from 'node:util';
import { newNameFault } from '../../../shared/names.ts';
import { matchesPattern } from '../../../shared/policy/grant.ts';
import { grantId } from '../../../shared/policy/grant-id.ts';
import type { DocumentBody } from '../../at-rest/document-row.ts';
import { anonymousApp } from '../../release/callers.ts';
import { type DocumentKind, documentKinds } from '../../store/store.ts';
import type { CallerKind } from '../callers.ts';
import { bindingFault } from '../changes/binding.ts';
import { type Draft, StoredDocuments } from '../changes/drafts.ts';
import { describeGrant } from '../changes/lost-rights.ts';
import type { OperationContext } from '../context.ts';
import { doesNotOpen } from '../documents.ts';
import { routedFault } from '../grants.ts';
import { NamesAlike } from '../names-alike.ts';
import { typeFaults } from '../types.ts';
import { type Desired, sections } from './desired.ts';
import { linesOf } from './lines.ts';
import type { SourceFault } from './source.ts';

export type CallerName = Readonly<{ kind: CallerKind; id: string }>;

export type Plan = Awaited<ReturnType<typeof planFleet>>;

interface PlanOptions {
  /** Deletes documents that the file does not have, of the kinds that it has; default false. */
  readonly prune?: boolean | undefined;
}

/** @throws OperationError input_invalid, integrity_failed if a document of the file does not open */
export async function planFleet(
  context: OperationContext,
  desired: Desired,
  { prune = false }: PlanOptions = {},
) {
  const stored = await StoredDocuments.read(context);
  const next = nextDocuments(stored, desired);
  const faults = desired.newFaults.filter(({ isStored }) => !isStored(stored));
  desired.source.check(faults.map(({ fault }) => fault));
  checkNews(context, desired, next);
  checkRouting(stored, desired, next);
  const absent = [...desired.kinds].flatMap((kind) =>
    stored
      .ids(kind)
      .filter((id) => !sectionOf(desired, kind).has(id))
      .map((id) => ({ kind, id })),
  );
  const drafts = [
    ...next,
    ...(prune ? absent.map(({ kind, id }) => stored.deletion(kind, id)) : []),
  ];
  return {
    stored,
    drafts: drafts.filter(changes),
    /** The changes, a line each: `+` for new, `-` for gone, `~` for changed. */
    lines: drafts.filter(changes).flatMap(linesOf),
    /** Documents that the file does not have, and that stay. */
    kept: prune ? [] : absent,
    /** Apps and proxies of the file that have no key. */
    keyless: next.flatMap(({ kind, id, after }) =>
      kind !== 'type' && after?.keys.length === 0 && !(kind === 'app' && id === anonymousApp)
        ? [{ kind, id }]
        : [],
    ),
    /** Sentences on what the file may not mean. */
    warnings: [
      ...newNamesAlike(stored, next),
      ...strayGrants(stored, desired),
      ...next.flatMap(bindingWarnings),
      ...next.flatMap((draft) => storedFaults(context, draft)),
    ],
  };
}

function newNamesAlike(stored: StoredDocuments, next: readonly Draft[]): string[] {
  return documentKinds.flatMap((kind) => {
    const names = new NamesAlike(stored.ids(kind));
    return next.filter((draft) => draft.kind === kind).flatMap(({ id }) => names.add(kind, id));
  });
}

function sectionOf({ types, apps, proxies }: Desired, kind: DocumentKind) {
  return { type: types, app: apps, proxy: proxies }[kind];
}

/** Each document of the file, with the keys that it has. */
function nextDocuments(stored: StoredDocuments, { types, apps, proxies }: Desired): Draft[] {
  const draft = <K extends DocumentKind>(
    kind: K,
    id: string,
    make: (before: DocumentBody<K> | undefined) => DocumentBody<K>,
  ) => {
    const { row, before } = stored.get(kind, id);
    if (row !== undefined && before === undefined) throw doesNotOpen(kind, id);
    return { kind, id, row, before, after: make(before) } as unknown as Draft;
  };
  return [
    ...[...types].map(([id, policy]) => draft('type', id, () => policy)),
    ...[...apps].map(([id, { direct, bound, grants }]) =>
      draft('app', id, (before) => ({
        keys: before?.keys ?? [],
        grants: [...grants],
        ...(direct && { direct }),
        ...(bound && { bound }),
      })),
    ),
    ...[...proxies].map(([id, limits]) =>
      draft('proxy', id, (before) => ({ keys: before?.keys ?? [], ...limits })),
    ),
  ];
}

/** Whether it differs in more than the order of what has none, or is gone: also if it does not open. */
function changes({ row, before, after }: Draft): boolean {
  if (after === undefined) return row !== undefined;
  return !isDeepStrictEqual(unordered(before), unordered(after));
}

function unordered(body: object | undefined): unknown {
  if (body === undefined) return undefined;
  const entries = Object.entries(body).map(([name, value]) => [
    name,
    Array.isArray(value)
      ? new Set(value.map((one) => (name === 'grants' ? grantId(one) : JSON.stringify(one))))
      : value,
  ]);
  return Object.fromEntries(entries);
}

/** Rejects what is wrong only with what is new: names and policies that exist stay as they are. */
function checkNews(context: OperationContext, { source }: Desired, next: readonly Draft[]): void {
  source.check(
    next.flatMap((draft): SourceFault[] => {
      const { kind, id, row } = draft;
      const name = row === undefined ? newNameFault(id) : undefined;
      const texts = [
        ...(name === undefined ? [] : [`the name of the ${kind} ${name}`]),
        ...(draft.kind === 'type' && draft.after && changes(draft)
          ? typeFaults(context, id, draft.after)
          : []),
      ];
      const path = [sections[kind], id];
      return texts.map((text) => ({ path, at: 'name', text: `: ${text}` }));
    }),
  );
}

/** Rejects a new grant with methods or paths of a type whose operations are selected by bodies. */
function checkRouting(
  stored: StoredDocuments,
  { source, types }: Desired,
  next: readonly Draft[],
): void {
  const policies = new Map([...stored.all('type'), ...types]);
  source.check(
    next.flatMap((draft): SourceFault[] => {
      if (draft.kind !== 'app' || draft.after === undefined) return [];
      const had = new Set(draft.before?.grants.map(grantId));
      return draft.after.grants
        .filter((grant) => !had.has(grantId(grant)))
        .flatMap((grant) => routedFault(grant, grant.type, policies.get(grant.type)) ?? [])
        .map((fault) => ({ path: [sections.app, draft.id], at: 'name', text: `: ${fault}` }));
    }),
  );
}

/** Faults of a type that exists and stays as it is, of which later versions may know more. */
function storedFaults(context: OperationContext, draft: Draft): string[] {
  if (draft.kind !== 'type' || draft.after === undefined || changes(draft)) return [];
  return typeFaults(context, draft.id, draft.after).map(
    (fault) => `the type ${draft.id} stays as it is: ${fault}`,
  );
}

/** The requirement of a bound app's calls besides its binding. */
function bindingWarnings(draft: Draft): string[] {
  const { kind, id, before, after } = draft;
  if (kind !== 'app' || after?.bound === undefined) return [];
  const fault = bindingFault(id, after);
  const isLate = before !== undefined && before.keys.length > 0 && before.bound === undefined;
  return [
    ...(fault === undefined ? [] : [fault]),
    ...(isLate
      ? [
          `keys of the app ${id} that do not begin with spk_bound do not route by themselves: rotate them`,
        ]
      : []),
  ];
}

/** Grants of a type that neither the file nor the database has, such as a misspelt one. */
function strayGrants(stored: StoredDocuments, { types, apps }: Desired): string[] {
  const known = [...new Set([...types.keys(), ...stored.ids('type')])];
  return [...apps].flatMap(([app, { grants }]) =>
    grants
      .filter(({ type }) => !known.some((id) => matchesPattern(type, id)))
      .map((grant) => `a grant of the app ${app} matches no type: ${describeGrant(grant)}`),
  );
}
