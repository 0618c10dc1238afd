import type { Logger } from 'pino';
import { OpenError } from '../../shared/crypto/open-error.ts';
import type { Policy } from '../../shared/policy/schema.ts';
import {
  type AppDocument,
  type CallerKey,
  type DocumentBody,
  openDocument,
} from '../at-rest/document-row.ts';
import type { Keyring } from '../keys/keyring.ts';
import type { DocumentKind, DocumentRow } from '../store/store.ts';

export interface Caller<K extends 'app' | 'proxy'> {
  readonly id: string;
  readonly key: CallerKey;
  readonly document: DocumentBody<K>;
}

export interface Loaded {
  readonly types: Map<string, Policy>;
  readonly apps: Map<string, AppDocument>;
  readonly appKeys: Map<string, Caller<'app'>>;
  readonly proxyKeys: Map<string, Caller<'proxy'>>;
  /** Accepted rows, by `kind id`. */
  readonly inForce: Map<string, Pick<DocumentRow, 'kind' | 'id' | 'revision' | 'mac'>>;
  /** `kind id` of rejected rows. */
  readonly rejected: Set<string>;
}

/**
 * Verifies rows of documents. A row with a wrong MAC, or with a lower revision than one seen before, is rejected
 * and logged. The version that it replaced is dropped, too; otherwise damaging a row would delay a revocation.
 */
export class DocumentLoader {
  readonly #keyring: Keyring;
  readonly #log: Logger;
  /** The highest revision seen, by `kind id`. Kept after a deletion, so that no old version can be put back. */
  readonly #seen = new Map<string, { revision: number; deleted: boolean }>();

  constructor(keyring: Keyring, log: Logger) {
    this.#keyring = keyring;
    this.#log = log;
  }

  /** @param before the load before, whose rejected rows are not logged again */
  load(rows: readonly DocumentRow[], before: Loaded | undefined): Loaded {
    const loaded: Loaded = {
      types: new Map(),
      apps: new Map(),
      appKeys: new Map(),
      proxyKeys: new Map(),
      inForce: new Map(),
      rejected: new Set(),
    };
    const present = new Map<string, number>();
    const nameOf = ({ kind, id }: DocumentRow) => `${kind} ${id}`;
    for (const row of rows) present.set(nameOf(row), (present.get(nameOf(row)) ?? 0) + 1);
    for (const row of rows) {
      const name = nameOf(row);
      const { kind, id, revision, mac, kid } = row;
      try {
        if (present.get(name) !== 1) throw new RowError('more than one row has this name');
        this.#checkRevision(name, revision);
        this.#take(loaded, row);
        loaded.inForce.set(name, { kind, id, revision, mac });
        this.#seen.set(name, { revision, deleted: false });
      } catch (error) {
        loaded.rejected.add(name);
        // Logged once, although each load rejects the row again.
        if (before?.rejected.has(name)) continue;
        const missing = !this.#keyring.has(kid) && { missing_kid: kid };
        this.#log.error({ kind, id, revision, ...missing, err: error }, 'document refused');
      }
    }
    for (const [name, seen] of this.#seen) seen.deleted ||= !present.has(name);
    return loaded;
  }

  #checkRevision(name: string, revision: number): void {
    const seen = this.#seen.get(name);
    if (seen === undefined || revision > seen.revision) return;
    if (revision < seen.revision || seen.deleted) {
      throw new RowError(`revision ${revision} is not newer than ${seen.revision}, which was seen`);
    }
  }

  #take(loaded: Loaded, row: DocumentRow): void {
    const { id } = row;
    const open = <K extends DocumentKind>(kind: K) => openDocument(this.#keyring, kind, row);
    if (row.kind === 'type') loaded.types.set(id, open('type'));
    else if (row.kind === 'app') {
      const document = open('app');
      loaded.apps.set(id, document);
      for (const key of document.keys) loaded.appKeys.set(key.hash, { id, key, document });
    } else if (row.kind === 'proxy') {
      const document = open('proxy');
      for (const key of document.keys) loaded.proxyKeys.set(key.hash, { id, key, document });
    } else throw new OpenError();
  }
}

/** A row that must not be used, whatever its MAC. */
class RowError extends Error {
  override readonly name = 'RowError';
}

export interface Difference extends Pick<DocumentRow, 'kind' | 'id'> {
  /** That in force after the change, which is the number of its last change; undefined if none is in force. */
  readonly revision: number | undefined;
}

/** Documents that only one of the two loads has accepted, or that differ. */
export function differences(before: Loaded, after: Loaded): Difference[] {
  const all = new Map([...before.inForce, ...after.inForce]);
  return [...all].flatMap(([name, { kind, id }]) => {
    const inForce = after.inForce.get(name);
    return before.inForce.get(name)?.mac === inForce?.mac
      ? []
      : [{ kind, id, revision: inForce?.revision }];
  });
}
