import type { Connection, Pool, PoolConnection } from 'mariadb';
import mariadb from 'mariadb';
import type { Result, Statement } from '../statements.ts';
import type { Value } from '../store.ts';
import { StoreError } from '../store-error.ts';
import { connectionConfig, type MysqlAccess } from './connection-config.ts';
import { isIncomparable, mysqlError } from './errors.ts';

/** A logged-in session for the statements of one unit of work. @throws StoreError */
export interface MysqlSession {
  execute(statement: Statement): Promise<Result>;
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
  const each: Race = (pending, abandon) => byDeadline(timeoutMs, (race) => race(pending, abandon));
  const release = (connection: PoolConnection) => {
    // Not awaited: it may roll back first, and if that fails or takes too long the pool drops the connection.
    each(connection.release(), () => abandon(connection)).catch(() => {});
  };
  return {
    use: (work) => byDeadline(timeoutMs, (race) => withSession({ pool, race, release }, work)),
    hold: (work) => withSession({ pool, race: each, release }, work),
    // The pool is closed either way; a server that does not answer just misses the goodbye.
    close: () => each(pool.end(), () => {}).catch(() => {}),
  };
}

interface Sessions {
  readonly pool: Pool;
  readonly race: Race;
  readonly release: (connection: PoolConnection) => void;
}

async function withSession<T>(
  { pool, race, release }: Sessions,
  work: (session: MysqlSession) => Promise<T>,
): Promise<T> {
  try {
    const acquiring = pool.getConnection();
    const connection = await race(acquiring, () => {
      acquiring.then(release, () => {});
    });
    const untimed = session(connection);
    const giveUp = () => abandon(connection);
    try {
      return await work({
        execute: (statement) => race(untimed.execute(statement), giveUp),
        query: (sql) => race(untimed.query(sql), giveUp),
      });
    } finally {
      release(connection);
    }
  } catch (error) {
    throw mysqlError(error);
  }
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
      try {
        if (sets !== undefined) {
          // In one message on MariaDB, elsewhere in several without waiting for each answer.
          await connection.batch(sql, sets as Value[][]);
          return { rows: [], affected: sets.length };
        }
        // As BIGINT: the connector sends integers above 32 bits as DOUBLE.
        const values = params.map((value) => (typeof value === 'number' ? BigInt(value) : value));
        const result = await connection.execute(sql, values);
        return Array.isArray(result)
          ? { rows: result, affected: 0 }
          : { rows: [], affected: result.affectedRows };
      } catch (error) {
        if (sets === undefined && isIncomparable(error))
          return { rows: [], affected: 0, isIncomparable: true };
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

/** Settles as `pending` does, or rejects at the deadline after calling `abandon`. */
type Race = <T>(pending: Promise<T>, abandon: () => void) => Promise<T>;

/** Runs `work`, all of whose awaits have one deadline. */
async function byDeadline<T>(timeoutMs: number, work: (race: Race) => Promise<T>): Promise<T> {
  const { promise: expired, reject } = Promise.withResolvers<never>();
  expired.catch(() => {});
  const timer = setTimeout(
    () => reject(new StoreError('timeout', `The database did not answer in ${timeoutMs} ms`)),
    timeoutMs,
  );
  try {
    return await work(async (pending, abandon) => {
      let settled = false;
      const mark = () => {
        settled = true;
      };
      pending.then(mark, mark);
      try {
        return await Promise.race([pending, expired]);
      } catch (error) {
        if (!settled) abandon();
        throw error;
      }
    });
  } finally {
    clearTimeout(timer);
  }
}
