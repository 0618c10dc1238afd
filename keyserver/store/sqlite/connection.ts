import { closeSync, existsSync, openSync } from 'node:fs';
import { resolve } from 'node:path';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { pathToFileURL } from 'node:url';
import type { Outcome, Result, SqlCoroutine, Statement } from '../statements.ts';
import { StoreError } from '../store-error.ts';
import { sqliteError } from './errors.ts';

interface Prepared {
  readonly statement: StatementSync;
  readonly hasRows: boolean;
}

/** `hasty`: a power failure may lose the last commits. */
type Mode = 'durable' | 'hasty' | 'reading';

/** One connection to a SQLite file, opened on first use and again after it failed to open. */
export class SqliteConnection {
  readonly #file: string;
  readonly #timeoutMs: number;
  readonly #mode: Mode;
  #database: DatabaseSync | undefined;
  #closed = false;
  readonly #prepared = new Map<string, Prepared>();

  constructor(file: string, timeoutMs: number, mode: Mode = 'durable') {
    // Absolute, since ':memory:' and '' mean something else to SQLite.
    this.#file = resolve(file);
    this.#timeoutMs = timeoutMs;
    this.#mode = mode;
  }

  execute({ sql, params, sets }: Statement): Result {
    try {
      if (sets !== undefined) {
        const { statement } = this.#prepare(sql);
        for (const set of sets) statement.run(...set);
        return { rows: [], affected: sets.length };
      }
      const { statement, hasRows } = this.#prepare(sql);
      if (hasRows) return { rows: statement.all(...params), affected: 0 };
      return { rows: [], affected: Number(statement.run(...params).changes) };
    } catch (error) {
      throw sqliteError(error);
    }
  }

  drive<T>(steps: SqlCoroutine<T>): T {
    let next = steps.next();
    while (!next.done) next = steps.next(this.execute(next.value));
    return next.value;
  }

  /** Drives `steps` in a transaction that writes from its start, since upgrading a reading one can fail. */
  transact<T>(steps: SqlCoroutine<Outcome<T>>): T {
    this.execute({ sql: 'BEGIN IMMEDIATE', params: [] });
    try {
      const outcome = this.drive(steps);
      this.execute({ sql: outcome.changed ? 'COMMIT' : 'ROLLBACK', params: [] });
      return outcome.value;
    } catch (error) {
      // Some errors, such as a full disk, have rolled back already.
      if (this.#database?.isTransaction) this.execute({ sql: 'ROLLBACK', params: [] });
      throw error;
    }
  }

  close(): void {
    this.#closed = true;
    this.#prepared.clear();
    this.#database?.close();
    this.#database = undefined;
  }

  #prepare(sql: string): Prepared {
    const known = this.#prepared.get(sql);
    if (known !== undefined) return known;
    const statement = this.#open().prepare(sql);
    // Otherwise one integer beyond a double's precision would fail the whole read.
    statement.setReadBigInts(true);
    const prepared = { statement, hasRows: statement.columns().length > 0 };
    this.#prepared.set(sql, prepared);
    return prepared;
  }

  #open(): DatabaseSync {
    if (this.#database !== undefined) return this.#database;
    if (this.#closed) throw new StoreError('failed', 'The store is closed');
    this.#database = this.#mode === 'reading' ? this.#openToRead() : this.#openToWrite();
    return this.#database;
  }

  #openToWrite(): DatabaseSync {
    // Created here for its mode, which the -wal and -shm files inherit.
    closeSync(openSync(this.#file, 'a', 0o600));
    const database = new DatabaseSync(this.#file, { timeout: this.#timeoutMs });
    try {
      // FULL: with WAL, anything less can lose the last commits in a power failure.
      const synchronous = this.#mode === 'durable' ? 'FULL' : 'NORMAL';
      database.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = ${synchronous}`);
    } catch (error) {
      database.close();
      throw error;
    }
    return database;
  }

  /**
   * Without a -wal file nobody has the database open. SQLite would create one for a reader, too, if it may, and leave
   * it to a KeyServer that may not write it; a file that counts as immutable needs none.
   */
  #openToRead(): DatabaseSync {
    const url = pathToFileURL(this.#file);
    if (!existsSync(`${this.#file}-wal`)) url.searchParams.set('immutable', '1');
    return new DatabaseSync(url, { readOnly: true, timeout: this.#timeoutMs });
  }
}
