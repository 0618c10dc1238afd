import { isIP } from 'node:net';
import { checkServerIdentity, type PeerCertificate } from 'node:tls';
import type { Connection, Pool, PoolConfig, PoolConnection } from 'mariadb';
import mariadb from 'mariadb';
import type { Result, Statement } from '../statements.ts';
import { StoreError } from '../store-error.ts';
import type { Value } from '../value.ts';
import { isIncomparable, mysqlError } from './errors.ts';

/** Address of the server, and how to log in. */
export interface MysqlServer {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly database: string;
  /** PEM of the trusted CAs; if set, TLS is required and the server's name is verified. */
  readonly tlsCa?: string | undefined;
  /**
   * The connector's option of this name: without TLS, MySQL's `caching_sha2_password` sends the key
   * that encrypts the password. Default false, since an attacker on the path can send another key.
   */
  readonly allowPublicKeyRetrieval?: boolean | undefined;
}

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
  server: MysqlServer,
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

function connectionConfig(server: MysqlServer, timeoutMs: number): PoolConfig {
  const { host, port, user, password, database, tlsCa } = server;
  const config = {
    host,
    port,
    user,
    password,
    database,
    allowPublicKeyRetrieval: server.allowPublicKeyRetrieval ?? false,
    connectTimeout: timeoutMs,
    charset: 'utf8mb4',
    initSql: sessionSettings(timeoutMs),
    insertIdAsNumber: true,
    logParam: false,
    // A server could redirect the client, with its password, to another one.
    permitRedirect: false,
  };
  if (tlsCa !== undefined) return { ...config, ssl: tlsSettings(host, tlsCa) };
  // Otherwise an attacker on a connection without TLS could ask for the password in clear.
  const restrictedAuth = [
    'mysql_native_password',
    'caching_sha2_password',
    'sha256_password',
  ].concat(['client_ed25519', 'parsec']);
  return Object.assign(config, { restrictedAuth });
}

function tlsSettings(host: string, ca: string) {
  return {
    ca,
    rejectUnauthorized: true,
    // SNI takes no addresses (RFC 6066 §3).
    ...(isIP(host) === 0 ? { servername: host } : {}),
    // The connector starts TLS on an open socket; for a server addressed by IP, Node would compare
    // the certificate with the name "localhost".
    checkServerIdentity: (_: string, certificate: PeerCertificate) =>
      checkServerIdentity(host, certificate),
  };
}

/** Strict, so that no value is truncated, with timeouts; each server skips the other's comment. */
function sessionSettings(timeoutMs: number): string {
  const lockWaitSeconds = Math.max(1, Math.floor(timeoutMs / 1000));
  return (
    "SET SESSION sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION'" +
    `, innodb_lock_wait_timeout = ${lockWaitSeconds}, lock_wait_timeout = ${lockWaitSeconds}` +
    ` /*M!100100 , max_statement_time = ${timeoutMs / 1000} */` +
    ` /*!80000 , max_execution_time = ${timeoutMs} */`
  );
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
      return await deadline.race(work(session(connection)), () => connection.destroy());
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
    const abandon = () => connection.destroy();
    const untimed = session(connection);
    try {
      return await work({
        execute: (statement) => timed(untimed.execute(statement), abandon),
        query: (sql) => timed(untimed.query(sql), abandon),
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
