import type { Logger } from 'pino';
import { type Clock, systemClock } from '../../shared/clock.ts';
import { OpenError } from '../../shared/crypto/open-error.ts';
import { ServiceError } from '../../shared/errors.ts';
import type { Policy } from '../../shared/policy/schema.ts';
import { type AnnouncedChange, leaseMs } from '../../shared/protocol/change-messages.ts';
import {
  type AppDocument,
  type CallerKey,
  type DocumentBody,
  openDocument,
} from '../at-rest/document-row.ts';
import type { Keyring } from '../keys/keyring.ts';
import type { Change, DocumentKind, DocumentRow, Store } from '../store/store.ts';
import { type ChangesSince, RecentChanges } from './recent-changes.ts';

/** All documents are read again this often, whatever the counter says: who can write can hold it still. */
const rereadMs = 10_000;

/** An app or proxy that was found by the hash of its key. */
export interface Caller<K extends 'app' | 'proxy'> {
  readonly id: string;
  readonly key: CallerKey;
  readonly document: DocumentBody<K>;
}

interface Loaded {
  readonly types: Map<string, Policy>;
  readonly apps: Map<string, AppDocument>;
  readonly appKeys: Map<string, Caller<'app'>>;
  readonly proxyKeys: Map<string, Caller<'proxy'>>;
  /** Rows in force, by `kind id`. */
  readonly inForce: Map<string, Pick<DocumentRow, 'kind' | 'id' | 'mac'>>;
  /** `kind id` of rows that were refused. */
  readonly refused: Set<string>;
}

/**
 * All documents, in memory, checked at every load. The database is not trusted: a row whose MAC
 * fails, or whose revision is lower than one seen before, is refused and logged, and what it
 * replaced is gone too, so that a revocation cannot be held up by damaging it.
 */
export class Registry {
  readonly #store: Store;
  readonly #keyring: Keyring;
  readonly #log: Logger;
  readonly #clock: Pick<Clock, 'monotonic'>;
  readonly #recent: RecentChanges;
  /** The newest revision seen, by `kind id`; outlives the document, which must not come back as it was. */
  readonly #seen = new Map<string, { revision: number; deleted: boolean }>();
  #loaded: Loaded | undefined;
  #seq = 0;
  #lookedAt = 0;
  #readAt = 0;

  constructor(
    store: Store,
    keyring: Keyring,
    log: Logger,
    clock: Pick<Clock, 'monotonic'> = systemClock,
  ) {
    this.#store = store;
    this.#keyring = keyring;
    this.#log = log;
    this.#clock = clock;
    this.#recent = new RecentChanges(clock);
  }

  /** The last change that the documents in memory are known to include. */
  get seq(): number {
    return this.#seq;
  }

  /** How long ago the counter was looked at, in whole milliseconds: what changed since is not known here. */
  get ageMs(): number {
    return Math.ceil(this.#clock.monotonic() - this.#lookedAt);
  }

  /** What changed after `seq`, none of it before the documents in memory include it. */
  changesSince(seq: number): ChangesSince {
    return this.#recent.since(seq);
  }

  /**
   * Reloads where the change counter moved, and from time to time. @throws StoreError;
   * what is loaded stays for five seconds where the counter cannot be read, and is in force no longer
   * where it moved and the rest fails.
   */
  async refresh(): Promise<void> {
    const lookingAt = this.#clock.monotonic();
    // Read before the documents, so that it never claims more than they hold.
    const seq = await this.#store.lastSeq();
    const hasMoved = this.#loaded === undefined || seq !== this.#seq;
    const isDue = lookingAt >= this.#readAt + rereadMs;
    if (seq < this.#seq) this.#log.error({ seq, seen: this.#seq }, 'change counter set back');
    try {
      if (hasMoved || isDue) await this.#follow(seq, isDue, lookingAt);
    } catch (error) {
      // Else what cannot be read would hold up a revocation that is known.
      if (hasMoved) this.#loaded = undefined;
      throw error;
    }
    this.#lookedAt = lookingAt;
  }

  async #follow(seq: number, isDue: boolean, lookingAt: number): Promise<void> {
    const before = this.#loaded;
    const isStill = seq === this.#seq;
    const rows = before && (isStill ? [] : await this.#rowsUpTo(seq));
    const tokens = rows?.filter(({ kind }) => kind === 'token');
    let loaded = before;
    if (loaded === undefined || isDue || tokens?.length !== rows?.length || rows === undefined) {
      loaded = this.#load(await this.#store.documents());
      this.#readAt = lookingAt;
    }
    // Not what the rows say of documents, but what is in force: one that is refused now has no row.
    const changed = before ? differences(before, loaded, seq) : [];
    this.#loaded = loaded;
    this.#seq = seq;
    // What changed without a number of its own can be told to nobody who has that number.
    if (tokens === undefined || (isStill && changed.length > 0)) this.#recent.restart(seq);
    else this.#recent.add(seq, [...tokens, ...changed]);
  }

  async #rowsUpTo(seq: number): Promise<readonly Change[] | undefined> {
    return wholeList(await this.#store.changesSince(this.#seq), this.#seq, seq);
  }

  /** A token type's policy, or undefined where none is defined. @throws ServiceError integrity_failed */
  policy(tokenType: string): Policy | undefined {
    const { types, refused } = this.#documents();
    if (refused.has(`type ${tokenType}`)) {
      throw new ServiceError('integrity_failed', {
        reason: 'document_refused',
        detail: 'The token type as stored was not made with our keys.',
      });
    }
    return types.get(tokenType);
  }

  app(id: string): AppDocument | undefined {
    return this.#documents().apps.get(id);
  }

  appByKeyHash(hash: string): Caller<'app'> | undefined {
    return this.#documents().appKeys.get(hash);
  }

  proxyByKeyHash(hash: string): Caller<'proxy'> | undefined {
    return this.#documents().proxyKeys.get(hash);
  }

  #documents(): Loaded {
    // Tokens may be readable while the counter is not: that must not hold up a revocation.
    if (this.#loaded === undefined || this.ageMs >= leaseMs) {
      throw new ServiceError('keyserver_unavailable', {
        reason: 'documents_unread',
        retryAfterSeconds: 1,
        detail: 'KeyServer cannot see in the database whether its types, apps and proxies changed.',
      });
    }
    return this.#loaded;
  }

  #load(rows: readonly DocumentRow[]): Loaded {
    const loaded: Loaded = {
      types: new Map(),
      apps: new Map(),
      appKeys: new Map(),
      proxyKeys: new Map(),
      inForce: new Map(),
      refused: new Set(),
    };
    const present = new Map<string, number>();
    const nameOf = ({ kind, id }: DocumentRow) => `${kind} ${id}`;
    for (const row of rows) present.set(nameOf(row), (present.get(nameOf(row)) ?? 0) + 1);
    for (const row of rows) {
      const name = nameOf(row);
      try {
        if (present.get(name) !== 1) throw new RowError('more than one row has this name');
        this.#checkRevision(name, row.revision);
        this.#take(loaded, row);
        loaded.inForce.set(name, { kind: row.kind, id: row.id, mac: row.mac });
        this.#seen.set(name, { revision: row.revision, deleted: false });
      } catch (error) {
        loaded.refused.add(name);
        // Once while it stays so, since rows are read again and again.
        if (this.#loaded?.refused.has(name)) continue;
        this.#log.error(
          { kind: row.kind, id: row.id, revision: row.revision, err: error },
          'document refused',
        );
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
    switch (row.kind) {
      case 'type':
        loaded.types.set(id, open('type'));
        break;
      case 'app': {
        const document = open('app');
        loaded.apps.set(id, document);
        for (const key of document.keys) loaded.appKeys.set(key.hash, { id, key, document });
        break;
      }
      case 'proxy': {
        const document = open('proxy');
        for (const key of document.keys) loaded.proxyKeys.set(key.hash, { id, key, document });
        break;
      }
      default:
        throw new OpenError();
    }
  }
}

/** A row that must not be used, whatever its MAC. */
class RowError extends Error {
  override readonly name = 'RowError';
}

/** The changes after one counter up to another; undefined where one of them is missing. */
function wholeList(
  changes: readonly Change[],
  from: number,
  to: number,
): readonly Change[] | undefined {
  const wanted = changes.slice(0, Math.max(0, to - from));
  const isWhole = to > from && wanted.length === to - from;
  return isWhole && wanted.every(({ seq }, i) => seq === from + 1 + i) ? wanted : undefined;
}

/** Documents that one load has in force and the other has not, or not the same. */
function differences(before: Loaded, after: Loaded, seq: number): AnnouncedChange[] {
  const all = new Map([...before.inForce, ...after.inForce]);
  return [...all].flatMap(([name, { kind, id }]) =>
    before.inForce.get(name)?.mac === after.inForce.get(name)?.mac ? [] : [{ seq, kind, id }],
  );
}
