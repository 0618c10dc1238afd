import type { Logger } from 'pino';
import type { Clock } from '../shared/clock.ts';
import { OpenError } from '../shared/crypto/open-error.ts';
import { ServiceError } from '../shared/errors.ts';
import type { Policy } from '../shared/policy/schema.ts';
import {
  type AppDocument,
  type CallerKey,
  type DocumentBody,
  openDocument,
} from './document-row.ts';
import type { Keyring } from './keys/keyring.ts';
import type { Change, DocumentKind, DocumentRow, Store } from './store/store.ts';

/** All documents are read again this often, whatever the counter says: who can write can hold it still. */
const rereadMs = 10_000;
/** Documents that could not be compared with the database for so long are in force no longer. */
const maxAgeMs = 30_000;

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
  readonly #clock: Clock;
  /** The newest revision seen, by `kind id`; outlives the document, which must not come back as it was. */
  readonly #seen = new Map<string, { revision: number; deleted: boolean }>();
  #loaded: Loaded | undefined;
  #seq = 0;
  #comparedAt = 0;
  #readAt = 0;

  constructor(store: Store, keyring: Keyring, log: Logger, clock: Clock) {
    this.#store = store;
    this.#keyring = keyring;
    this.#log = log;
    this.#clock = clock;
  }

  /** The last change that the documents in memory are known to include. */
  get seq(): number {
    return this.#seq;
  }

  /**
   * Reloads where the change counter moved, and from time to time. @throws StoreUnavailableError;
   * what is loaded stays for a while where the counter cannot be read, and is in force no longer
   * where it moved and the rest fails.
   */
  async refresh(): Promise<void> {
    const askedAt = this.#clock.monotonic();
    // Read before the documents, so that it never claims more than they hold.
    const seq = await this.#store.lastSeq();
    const hasMoved = this.#loaded === undefined || seq !== this.#seq;
    const isDue = this.#loaded === undefined || askedAt >= this.#readAt + rereadMs;
    try {
      if (isDue || (hasMoved && !(await this.#isOnlyTokensUpTo(seq)))) {
        this.#loaded = this.#load(await this.#store.documents());
        this.#readAt = askedAt;
      }
    } catch (error) {
      // Else what cannot be read would hold up a revocation that is known.
      if (hasMoved) this.#loaded = undefined;
      throw error;
    }
    if (seq < this.#seq) this.#log.error({ seq, seen: this.#seq }, 'change counter set back');
    this.#seq = seq;
    this.#comparedAt = askedAt;
  }

  async #isOnlyTokensUpTo(seq: number): Promise<boolean> {
    return onlyTokens(await this.#store.changesSince(this.#seq), this.#seq, seq);
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
    if (this.#loaded === undefined || this.#clock.monotonic() > this.#comparedAt + maxAgeMs) {
      throw new ServiceError('keyserver_unavailable', {
        reason: 'documents_unread',
        retryAfterSeconds: 1,
        detail: 'KeyServer has not read its types, apps and proxies from the database.',
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
      refused: new Set(),
    };
    const present = new Map<string, number>();
    const nameOf = ({ kind, id }: DocumentRow) => `${kind} ${id}`;
    for (const row of rows) present.set(nameOf(row), (present.get(nameOf(row)) ?? 0) + 1);
    for (const row of rows) {
      const name = nameOf(row);
      try {
        if (present.get(name) !== 1) throw new RangeError('more than one row has this name');
        this.#checkRevision(name, row.revision);
        this.#take(loaded, row);
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
      throw new RangeError(
        `revision ${revision} is not newer than ${seen.revision}, which was seen`,
      );
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

/** True where the changes between two counters are all there and touch no document. */
function onlyTokens(changes: readonly Change[], from: number, to: number): boolean {
  const between = changes.filter(({ seq }) => seq <= to);
  return between.length === to - from && between.every(({ kind }) => kind === 'token');
}
