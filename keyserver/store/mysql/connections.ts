import type { Connection, Pool, PoolConnection } from 'mariadb';
import mariadb from 'mariadb';
import type { Result, Statement } from '../statements.ts';
import { StoreError } from '../store-error.ts';
import type { Value } from '../value.ts';
import { connectionConfig, type MysqlAccess } from './connection-config.ts';
import { isIncomparable, mysqlError } from './errors.ts';

/** A logged-in session for the statements of one unit of work. @throws StoreError */
export interface MysqlSession {
  execute(statement: Statement): Promise<Result>;
  /** Runs one statement without preparing it. */
  query(sql: string): Promise<void>;
}

/** Pooled connections with a timeout for every unit of work. */
export interface MysqlConnections {
  /** Runs `work` on a session. @throws StoreError for the connector's errors */
  use<T>(work: (session: MysqlSession) => Promise<T>): Promise<T>;
  /** The same, but every statement may take the timeout, and the whole any time. */
  hold<T>(work: (session: MysqlSession) => Promise<T>): Promise<T>;
  close(): Promise<void>;
}

interface PoolLimits {
  readonly connections: number;
  /** Timeout of one unit of work, including the wait for a connection; milliseconds. */
  readonly timeoutMs: number;
}

const maxTimerMs = 2 ** 31 - 1;

/** Opens a pool; it connects on first use, and again after a connection was lost. */
export function mysqlConnections(
  server: MysqlAccess,
  { connections, timeoutMs }: PoolLimits,
): MysqlConnections {
  const pool = mariadb.createPool({
    ...connectionConfig(server, timeoutMs),
    connectionLimit: connections,
    minimumIdle: 0,
    idleTimeout: 60,
    // Shorter than the whole, so that its error, which says why it cannot connect, comes first.
    acquireTimeout: Math.floor(timeoutMs * 0.9),
    // After this the pool backs off for up to 10 s; it must never back off.
    initializationTimeout: maxTimerMs,
  });
  return {
    use: (work) => within(pool, timeoutMs, work),
    hold: (work) => hold(pool, timeoutMs, work),
    close: () => end(pool, timeoutMs),
  };
}

async function within<T>(
  pool: Pool,
  timeoutMs: number,
  work: (session: MysqlSession) => Promise<T>,
): Promise<T> {
  const deadline = new Deadline(timeoutMs);
  try {
    const acquiring = pool.getConnection();
    const connection = await deadline.race(acquiring, () => {
      acquiring.then(release, () => {});
    });
    try {
      return await deadline.race(work(session(connection)), () => abandon(connection));
    } finally {
      release(connection);
    }
  } catch (error) {
    throw mysqlError(error);
  } finally {
    deadline.clear();
  }
}

async function hold<T>(
  pool: Pool,
  timeoutMs: number,
  work: (session: MysqlSession) => Promise<T>,
): Promise<T> {
  const timed = async <R>(running: Promise<R>, abandon: () => void): Promise<R> => {
    const deadline = new Deadline(timeoutMs);
    try {
      return await deadline.race(running, abandon);
    } finally {
      deadline.clear();
    }
  };
  try {
    const acquiring = pool.getConnection();
    const connection = await timed(acquiring, () => {
      acquiring.then(release, () => {});
    });
    const giveUp = () => abandon(connection);
    const untimed = session(connection);
    try {
      return await work({
        execute: (statement) => timed(untimed.execute(statement), giveUp),
        query: (sql) => timed(untimed.query(sql), giveUp),
      });
    } finally {
      release(connection);
    }
  } catch (error) {
    throw mysqlError(error);
  }
}

// Not awaited: it may roll back first, and if that fails the pool destroys the connection.
function release(connection: PoolConnection): void {
  connection.release().catch(() => {});
}

/**
 * Closes the socket. The connector's `destroy` opens a second connection for a `KILL`: the process ends
 * by an unhandled rejection if that fails, and a load balancer may pass it to another server, whose
 * connection of this number is somebody else's. The server's own timeouts end the statement.
 */
function abandon(connection: PoolConnection): void {
  const info = connection.info as unknown as ConnectionInformation;
  info.fatalError(new StoreError('timeout', 'The connection was given up'), true);
}

/** A part of `connection.info` that the connector's types leave out. */
interface ConnectionInformation {
  /** Closes the connection and rejects what waits for it; throws only if the last argument is false. */
  fatalError(error: Error, avoidThrowError: boolean): void;
}

function session(connection: Connection): MysqlSession {
  return {
    async execute({ sql, params, sets }) {
      if (sets !== undefined) return executeSets(connection, sql, sets);
      // As BIGINT: the connector sends integers above 32 bits as DOUBLE.
      const values = params.map((value) => (typeof value === 'number' ? BigInt(value) : value));
      try {
        const result = await connection.execute(sql, values);
        return Array.isArray(result)
          ? { rows: result, affected: 0 }
          : { rows: [], affected: result.affectedRows };
      } catch (error) {
        if (isIncomparable(error)) return { rows: [], affected: 0, isIncomparable: true };
        throw mysqlError(error);
      }
    },
    async query(sql) {
      try {
        await connection.query(sql);
      } catch (error) {
        throw mysqlError(error);
      }
    },
  };
}

/** In one message on MariaDB, elsewhere in several without waiting for each answer. */
async function executeSets(
  connection: Connection,
  sql: string,
  sets: readonly (readonly Value[])[],
): Promise<Result> {
  try {
    await connection.batch(sql, sets as Value[][]);
    return { rows: [], affected: sets.length };
  } catch (error) {
    throw mysqlError(error);
  }
}

async function end(pool: Pool, timeoutMs: number): Promise<void> {
  const deadline = new Deadline(timeoutMs);
  try {
    await deadline.race(pool.end(), () => {});
  } catch {
    // The pool is closed either way; a server that does not answer just misses the goodbye.
  } finally {
    deadline.clear();
  }
}

/** One timeout for several awaits. */
class Deadline {
  readonly #expired: Promise<never>;
  readonly #timer: NodeJS.Timeout;

  constructor(timeoutMs: number) {
    const { promise, reject } = Promise.withResolvers<never>();
    this.#expired = promise;
    this.#expired.catch(() => {});
    this.#timer = setTimeout(
      () => reject(new StoreError('timeout', `The database did not answer in ${timeoutMs} ms`)),
      timeoutMs,
    );
  }

  /** Settles as `pending` does, or rejects at the deadline after calling `abandon`. */
  async race<T>(pending: Promise<T>, abandon: () => void): Promise<T> {
    let settled = false;
    const mark = () => {
      settled = true;
    };
    pending.then(mark, mark);
    try {
      return await Promise.race([pending, this.#expired]);
    } catch (error) {
      if (!settled) abandon();
      throw error;
    }
  }

  clear(): void {
    clearTimeout(this.#timer);
  }
}
