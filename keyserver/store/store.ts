import type { TokenContext } from '../../shared/crypto/token-row.ts';

/** A token as stored: `token` is sealed (`skt1.…`) or of the earlier system's format. */
export interface TokenRow extends TokenContext {
  readonly token: string;
}

export const documentKinds = ['type', 'app', 'proxy'] as const;
export type DocumentKind = (typeof documentKinds)[number];

export function isDocumentKind(value: string): value is DocumentKind {
  return documentKinds.some((kind) => kind === value);
}

/** A document as stored: readable JSON with the MAC that was made under `kid` (docs/protocol.md §6). */
export interface DocumentRow {
  /** A {@link DocumentKind}, unless the row is a later version's or somebody else's. */
  readonly kind: string;
  readonly id: string;
  /** The change's `seq` that wrote it, so a later one is always greater, also after a deletion; NaN where the row has no such number. */
  readonly revision: number;
  readonly kid: string;
  readonly body: string;
  readonly mac: string;
}

/** One change: `token` has `tokenType`, documents have not. */
export interface Change {
  readonly seq: number;
  readonly kind: DocumentKind | 'token';
  readonly id: string;
  readonly tokenType?: string;
}

/**
 * Makes a document's next row inside the changing transaction, from what is stored now and the
 * revision that the row must carry. Undefined deletes (or leaves absent); a throw rolls back.
 * It can be called again, with what is stored then, where the transaction lost against another one.
 */
export type DocumentEdit = (
  current: DocumentRow | undefined,
  revision: number,
) => DocumentRow | undefined;

/**
 * The database, which is not trusted: rows come back as they are, and who reads them checks them.
 * Two implementations (MySQL protocol, SQLite) keep one contract, test/keyserver/store/contract.ts.
 * Every method rejects with {@link StoreUnavailableError} where the database cannot answer in time.
 */
export interface Store {
  /** One line for logs and `doctor`: kind and place, never a password. */
  readonly description: string;

  /** Brings the schema up to date under a lock; resolves to the names of the migrations it applied. */
  migrate(): Promise<string[]>;
  /** Takes back the newest migration; resolves to its name, or undefined where none is applied. */
  migrateDown(): Promise<string | undefined>;
  /** Names of migrations not applied yet. */
  pendingMigrations(): Promise<string[]>;

  /** The rows whose client and type equal these byte by byte, whatever the columns' collation; two of them where there are more, which the caller refuses. */
  findTokens(clientId: string, tokenType: string): Promise<TokenRow[]>;
  /** All rows, in batches as read, ordered by client and type. */
  listTokens(): AsyncIterable<TokenRow>;
  /** Inserts or replaces; resolves to true where a row was replaced. */
  putToken(row: TokenRow): Promise<boolean>;
  /** Resolves to true where a row was deleted. */
  deleteToken(clientId: string, tokenType: string): Promise<boolean>;

  /** All rows of documents as they are: of unknown kinds, and several of one name, too. */
  documents(): Promise<DocumentRow[]>;
  /** Changes one document; see {@link DocumentEdit}. Resolves to what is stored then. */
  editDocument(
    kind: DocumentKind,
    id: string,
    edit: DocumentEdit,
  ): Promise<DocumentRow | undefined>;

  /** The `seq` of the last committed change; 0 before the first. */
  lastSeq(): Promise<number>;
  /** Changes after `seq` in order; the oldest may be gone, so compare the first one's seq. */
  changesSince(seq: number): Promise<Change[]>;
  /** True where any token or document is stored. */
  hasRows(): Promise<boolean>;

  close(): Promise<void>;
}

/** The database is away, too slow, or not migrated. `cause` says what happened; for the log only. */
export class StoreUnavailableError extends Error {
  override readonly name = 'StoreUnavailableError';
}

/** Settings of {@link Store} implementations that both share. */
export interface StoreOptions {
  /** Name of the token table, `[A-Za-z_][A-Za-z0-9_$]{0,63}`, optionally `database.table` on MySQL. */
  readonly tokenTable: string;
  /** Upper bound for one statement, waiting for a connection included; milliseconds. */
  readonly timeoutMs: number;
}
