import type { TokenContext } from '../../shared/crypto/token-row.ts';
import type { TableFinding } from './token-columns.ts';

/** A value that both drivers take as a parameter and return in a row. */
export type Value = string | number | bigint | null | Uint8Array;

/** A token as stored: `token` is sealed (`skt1.…`) or of the earlier system's format. */
export interface TokenRow extends TokenContext {
  readonly token: string;
}

/** A row with its place in the table, opaque to all but the store. */
export interface PlacedToken extends TokenRow {
  readonly place: readonly Value[];
  /** Whether {@link Store.findTokens} finds it: a FLOAT, or a number in an untyped column, does not equal its own text. */
  readonly isFound: boolean;
}

export interface TokenSwap {
  readonly row: PlacedToken;
  readonly token: string;
}

export interface SwapOptions {
  /** Copies the replaced rows, see {@link Store.copyTokens}. */
  readonly keepsOld: boolean;
}

export const documentKinds = ['type', 'app', 'proxy'] as const;
export type DocumentKind = (typeof documentKinds)[number];

export function isDocumentKind(value: string): value is DocumentKind {
  return documentKinds.some((kind) => kind === value);
}

export interface DocumentName {
  readonly kind: DocumentKind;
  readonly id: string;
}

/** A document as stored: readable JSON with its MAC under `kid` (docs/protocol.md §6). */
export interface DocumentRow {
  /** A {@link DocumentKind}, unless a later version or somebody else wrote the row. */
  readonly kind: string;
  readonly id: string;
  /** The `seq` of the change that wrote it, so it grows even across a deletion; NaN if the row has no integer. */
  readonly revision: number;
  readonly kid: string;
  readonly body: string;
  readonly mac: string;
}

/** One change; only a `token` has a `tokenType`. */
export interface Change {
  readonly seq: number;
  readonly kind: DocumentKind | 'token';
  readonly id: string;
  readonly tokenType?: string;
}

/** A before-image without its content: its document, its change, and the key that sealed it. */
export interface ImageName extends Pick<DocumentRow, 'kind' | 'id' | 'revision' | 'kid'> {
  /** Length of its content, in the units of the database. */
  readonly size: number;
}

export interface Position {
  /** Random id of the history; empty if the database lost it. */
  readonly history: string;
  /** The `seq` of the last committed change; 0 before the first. */
  readonly seq: number;
}

/**
 * Makes a document's next row inside the changing transaction, from the stored row and the revision
 * that the next one must carry. Undefined deletes it (or leaves it absent); a throw rolls back. It is
 * called again, with the row stored by then, if the transaction lost a conflict and is retried.
 */
export type DocumentEdit = (
  current: DocumentRow | undefined,
  revision: number,
) => DocumentRow | undefined;

/** A {@link DocumentEdit} of several documents: the lists are in the order of their names. */
export type DocumentsEdit = (
  current: readonly (DocumentRow | undefined)[],
  revisions: readonly number[],
) => readonly (DocumentRow | undefined)[];

/** A change of a document in its transaction; `before` or `after` is undefined if there is none. */
export interface DocumentChange extends DocumentName {
  readonly before: DocumentRow | undefined;
  readonly after: DocumentRow | undefined;
  readonly revision: number;
}

/**
 * Makes the before-images that a document has after a change from those that it has, newest first. An image is a row
 * whose revision is that of its change.
 */
export type ImagesEdit = (
  change: DocumentChange,
  images: readonly DocumentRow[],
) => readonly DocumentRow[];

/** The latest report of a KeyServer process, with its MAC under `kid` (keyserver/replicas/report.ts). */
export interface ReplicaRow {
  readonly id: string;
  /** Grows with every report of this process. */
  readonly beat: number;
  readonly kid: string;
  readonly body: string;
  readonly mac: string;
}

export interface SeenReplica extends ReplicaRow {
  /** Time since it was stored, by the database's clock. */
  readonly ageSeconds: number;
}

/** The day, `2026-11-28` in UTC, on which a caller's key was last used; without a MAC, so a hint only. */
export interface KeyUse {
  readonly hash: string;
  readonly day: string;
}

export interface KidCount {
  readonly kid: string;
  readonly tokens: number;
  readonly documents: number;
}

export interface PutTokens {
  /** Their names differ. */
  readonly rows: readonly TokenRow[];
  /** True if the stored row says the same, so that it stays. */
  readonly isSame: (stored: TokenRow, row: TokenRow) => boolean;
  /** Whether the changes are announced, each or all at once; otherwise {@link Store.announceAll} must follow. */
  readonly announce: boolean;
  /** Compares, and changes nothing; default false. */
  readonly dryRun?: boolean;
  /** Writes, checks what was written, and takes it back; default false. */
  readonly isRehearsal?: boolean;
}

export interface BatchOutcome {
  readonly added: number;
  readonly replaced: number;
  readonly unchanged: number;
}

/** The database at one moment, whatever changes meanwhile. */
export interface Snapshot extends Pick<Store, 'documents' | 'listTokens'> {
  readonly position: Position;
  /** As {@link Store.imageNames}; of one document if it is named. */
  imageNames(of?: DocumentName): Promise<ImageName[]>;
  /**
   * Images in the order of their names, read in pieces, since all can be longer than memory; undefined if there is none,
   * or its name or number is none that this tool writes.
   */
  images(names: readonly ImageName[]): AsyncIterable<DocumentRow | undefined>;
}

export interface MigrateDownOptions {
  readonly dropDocuments?: boolean;
}

/**
 * The database, which is not trusted: rows are returned as they are, and the reader checks them. Both
 * implementations (MySQL protocol, SQLite) keep one contract, test/keyserver/store/contract.test.ts.
 * @throws StoreError from every method, with a kind that says why the database could not do it in time
 */
export interface Store {
  /** One line for logs and `doctor`: kind and location, never a password. */
  readonly description: string;

  /** Brings the schema up to date under a lock; resolves to the names of the migrations it applied. */
  migrate(): Promise<string[]>;
  /**
   * Takes the newest migration back; resolves to its name, or to undefined if none is applied. Rejects
   * and leaves everything if tokens would be dropped, or documents unless `dropDocuments`.
   * @throws StoreError tokens_stored, documents_stored, migration_unknown
   */
  migrateDown(options?: MigrateDownOptions): Promise<string | undefined>;
  pendingMigrations(): Promise<string[]>;

  /** The rows whose client and type equal these byte by byte, whatever the columns' collation; two if there are more, which the caller must reject. */
  findTokens(clientId: string, tokenType: string): Promise<TokenRow[]>;
  /** All rows, read in batches, in the order of {@link tokenPages}. */
  listTokens(): AsyncIterable<TokenRow>;
  /** The clients that have a token, each once, byte by byte. */
  clients(): Promise<string[]>;
  /** Inserts or replaces; resolves to true if a row was replaced. @throws StoreError row_unfit */
  putToken(row: TokenRow): Promise<boolean>;
  /** {@link putToken} for up to some thousand rows: all are stored or none. @throws StoreError row_unfit */
  putTokens(batch: PutTokens): Promise<BatchOutcome>;
  /** Announces that any row may have changed: SecureProxy forgets all releases. */
  announceAll(): Promise<void>;
  /** Reads in one consistent snapshot, for as long as `read` takes. */
  snapshot<T>(read: (snapshot: Snapshot) => Promise<T>): Promise<T>;
  /** Resolves to true if a row was deleted. */
  deleteToken(clientId: string, tokenType: string): Promise<boolean>;
  tokenTableFindings(): Promise<TableFinding[]>;

  /** All rows page by page, in the order of a unique key of the table, or of client and type. */
  tokenPages(): AsyncIterable<readonly PlacedToken[]>;
  /**
   * A statement that gives the table an index which {@link tokenPages} and {@link swapTokens} can use; undefined if it
   * has one, or not more than `rows` rows.
   */
  missingIndex(rows: number): Promise<string | undefined>;
  /**
   * Replaces tokens in one transaction, each only if its row still has exactly the old bytes; resolves to which. It
   * is no change that is announced: the secret must stay the same. Rows alike in all three columns are replaced
   * together. @throws StoreError row_unfit
   */
  swapTokens(swaps: readonly TokenSwap[], options: SwapOptions): Promise<boolean[]>;
  /** Names that several rows have; at most `limit` of them. */
  repeatedTokens(limit: number): Promise<TokenContext[]>;
  /** Number of ASCII characters that the column `token` holds; undefined if it cannot be told, or has no limit. */
  maxTokenChars(): Promise<number | undefined>;

  /** Creates the table of {@link copyTokens} if it is missing; resolves to its name. */
  createLegacyCopy(): Promise<string>;
  /** Copies rows as the earlier system had them; a name that has a copy already keeps it. */
  copyTokens(rows: readonly TokenRow[]): Promise<void>;
  /** The copied tokens of these names, in the same order. @throws StoreError table_missing */
  copiedTokens(names: readonly TokenContext[]): Promise<(string | undefined)[]>;

  /**
   * All rows of documents, including unknown kinds and several rows of one name.
   * @throws BehindError if the change counter that is read with them is below `atLeast`
   */
  documents(atLeast?: number): Promise<DocumentRow[]>;
  /** Changes one document; see {@link DocumentEdit}. Resolves to the row stored by it. */
  editDocument(
    kind: DocumentKind,
    id: string,
    edit: DocumentEdit,
    images?: ImagesEdit,
  ): Promise<DocumentRow | undefined>;
  /** Changes several documents of different names in one transaction, each under a number of its own. */
  editDocuments(
    names: readonly DocumentName[],
    edit: DocumentsEdit,
    images?: ImagesEdit,
  ): Promise<void>;

  /** Names of all before-images, the newest of a document first. */
  imageNames(): Promise<ImageName[]>;
  /** Replaces a document's before-images, newest first, by others; no number is taken. */
  editImages(
    name: DocumentName,
    edit: (images: readonly DocumentRow[]) => readonly DocumentRow[],
  ): Promise<void>;
  imageKids(): Promise<ReadonlyMap<string, number>>;

  /** Numbers of rows by at-rest key; reads every token, so it may take a minute. */
  kidCounts(): Promise<KidCount[]>;

  /** Stores a process's report; never waits for another's lock on an embedded database. */
  putReplica(row: ReplicaRow): Promise<void>;
  /** The reports of the last hour. */
  replicas(): Promise<SeenReplica[]>;
  putKeyUses(uses: readonly KeyUse[]): Promise<void>;
  keyUses(): Promise<KeyUse[]>;

  /** The last committed change, and the history that it belongs to. */
  position(): Promise<Position>;
  /** Begins a history at a number that is above every change and document, and at least `atLeast`. */
  newHistory(history: string, atLeast: number): Promise<Position>;
  lastSeq(): Promise<number>;
  /** Changes after `seq` in order; the oldest may be pruned, so compare the first one's `seq`. */
  changesSince(seq: number): Promise<Change[]>;
  /** True if a keyring sealed any row: a document, or a token that is not of the earlier system. */
  needsKeyring(): Promise<boolean>;

  close(): Promise<void>;
}

export interface StoreOptions {
  /** Name of the token table, `[A-Za-z_][A-Za-z0-9_$]{0,63}`, optionally `database.table` on MySQL. */
  readonly tokenTable: string;
  /** Timeout of one unit of work, including the wait for a connection; milliseconds. */
  readonly timeoutMs: number;
  /** Whether every method that writes fails, and nothing is created beside a file; default false. */
  readonly readOnly?: boolean | undefined;
}
