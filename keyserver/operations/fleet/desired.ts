import { isDeepStrictEqual } from 'node:util';
import { canonicalGrant, grantId } from '../../../shared/policy/grant-id.ts';
import { defaultInjection } from '../../../shared/policy/injection/schema.ts';
import type { Grant, Policy } from '../../../shared/policy/schema.ts';
import type { Binding } from '../../../shared/protocol/messages.ts';
import { isObject } from '../../../shared/schema/json-object.ts';
import type { DocumentKind } from '../../store/store.ts';
import { checkedBinding } from '../changes/binding.ts';
import type { StoredDocuments } from '../changes/drafts.ts';
import { checkName } from '../documents.ts';
import { parseGrant } from '../grants.ts';
import { OperationError } from '../operation-error.ts';
import { type Limits, parseLimits } from '../proxy-limits.ts';
import { documentFaults, type Fleet, type FleetType, fleetFaults } from './schema.ts';
import { type Path, Source, type SourceFault } from './source.ts';

/** An app as a file has it: all of it but its keys. */
interface DesiredApp {
  readonly direct: boolean;
  readonly bound?: Binding | undefined;
  readonly grants: readonly Grant[];
}

/** A fault only of what is new: rules may have been laxer when it was stored. */
interface NewFault {
  readonly fault: SourceFault;
  readonly isStored: (stored: StoredDocuments) => boolean;
}

export type Desired = ReturnType<typeof readFleet>;

/** The member of a file that has the documents of each kind. */
export const sections = { type: 'types', app: 'apps', proxy: 'proxies' } as const;

/** Reads a file of types, apps and proxies. @throws OperationError input_invalid with lines and columns */
export function readFleet(name: string, text: string) {
  const source = new Source(name, text);
  const value = withoutEmptyProxies(source.value);
  source.check([...source.unquotedNames(), ...fleetFaults(value)]);
  const fleet = value as Fleet;
  const faults: SourceFault[] = [];
  const newFaults: NewFault[] = [];
  const read = <In, Out>(kind: DocumentKind, make: (value: In, path: Path, id: string) => Out) => {
    const named = new Map<string, Out>();
    for (const [id, one] of Object.entries(fleet[sections[kind]] ?? {})) {
      const path = [sections[kind], id];
      attempt(faults, path, 'name', () => checkName(kind, id));
      const made = attempt(faults, path, 'value', () => make(one as In, path, id));
      if (made !== undefined) named.set(id, made);
    }
    return named;
  };
  const desired = {
    source,
    types: read('type', withInjection),
    apps: read('app', ({ direct = false, bound, grants }: DesiredApp, path, app) => ({
      direct,
      bound: bound && checkedBinding(bound),
      grants: distinct(
        grants.map((grant, at) => {
          const own: SourceFault[] = [];
          attempt(own, [...path, 'grants', String(at)], 'value', () => parseGrant(grant));
          const id = grantId(grant);
          const isStored = (stored: StoredDocuments) =>
            stored.get('app', app).before?.grants.some((one) => grantId(one) === id) ?? false;
          newFaults.push(...own.map((fault) => ({ fault, isStored })));
          return canonicalGrant(grant);
        }),
      ),
    })),
    proxies: read('proxy', (limits: Limits, path, proxy) => {
      const own: SourceFault[] = [];
      const parsed = attempt(own, path, 'value', () => parseLimits(limits));
      const isStored = (stored: StoredDocuments) => {
        const { keys, ...kept } = stored.get('proxy', proxy).before ?? {};
        return isDeepStrictEqual(kept, limits);
      };
      newFaults.push(...own.map((fault) => ({ fault, isStored })));
      return parsed ?? limits;
    }),
    newFaults,
    /** Kinds that have a section in the file; documents of other kinds stay. */
    kinds: new Set(
      (Object.keys(sections) as DocumentKind[]).filter((kind) => sections[kind] in fleet),
    ),
  };
  source.check(faults);
  return desired;
}

/** Reads a file of one type. @throws OperationError input_invalid with lines and columns */
export function readType(name: string, text: string): Policy {
  const source = new Source(name, text);
  source.check([...source.unquotedNames(), ...documentFaults('types', source.value, [])]);
  return withInjection(source.value as FleetType);
}

function withInjection({ injection = defaultInjection, ...rest }: FleetType): Policy {
  const { destinations, ...others } = rest;
  return { destinations, injection, ...others };
}

/** `dc-1:` alone is a proxy without limits. */
function withoutEmptyProxies(value: unknown): unknown {
  if (!isObject(value) || !isObject(value.proxies)) return value;
  const entries = Object.entries(value.proxies).map(([id, limits]) => [id, limits ?? {}]);
  return { ...value, proxies: Object.fromEntries(entries) };
}

function distinct(grants: readonly Grant[]): Grant[] {
  return [...new Map(grants.map((grant) => [grantId(grant), grant])).values()];
}

function attempt<T>(
  faults: SourceFault[],
  path: Path,
  at: SourceFault['at'],
  make: () => T,
): T | undefined {
  try {
    return make();
  } catch (error) {
    if (!(error instanceof OperationError)) throw error;
    faults.push({ path, at, text: `: ${error.message}` });
    return undefined;
  }
}
