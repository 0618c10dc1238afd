import { isIP } from 'node:net';
import { checkServerIdentity, type PeerCertificate } from 'node:tls';
import type { Connection, Pool, PoolConfig, PoolConnection } from 'mariadb';
import mariadb from 'mariadb';
import type { Result, Statement } from '../statements.ts';
import { StoreUnavailableError } from '../store.ts';
import { isIncomparable, storeError } from './errors.ts';

/** Where the server is and how to log in. */
export interface MysqlServer {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly database: string;
  /** PEM of the CAs to trust; with it TLS is required and the server's name is verified. */
  readonly tlsCa?: string | undefined;
  /**
   * The connector's option of this name: without TLS, lets MySQL's `caching_sha2_password` send the
   * key that the password is encrypted with. Whoever is between can send another, so default off.
   */
  readonly allowPublicKeyRetrieval?: boolean | undefined;
}

/** One logged-in session, for the statements of one piece of work. */
export interface MysqlSession {
  execute(statement: Statement): Promise<Result>;
  /** Runs one statement that cannot be prepared, or need not be. */
  query(sql: string): Promise<void>;
}

/** Pooled connections, on which every piece of work ends in time. */
export interface MysqlConnections {
  /** Runs `work` on a session; rejects with what {@link storeError} makes of the connector's errors. */
  use<T>(work: (session: MysqlSession) => Promise<T>): Promise<T>;
  close(): Promise<void>;
}

export interface PoolLimits {
  readonly connections: number;
  /** Bound for one piece of work, waiting for a connection included; milliseconds. */
  readonly timeoutMs: number;
}

const maxTimerMs = 2 ** 31 - 1;

/** Opens a pool; it connects when first used, and again whenever a connection was lost. */
export function mysqlConnections(
  server: MysqlServer,
  { connections, timeoutMs }: PoolLimits,
): MysqlConnections {
  const pool = mariadb.createPool({
    ...connectionConfig(server, timeoutMs),
    connectionLimit: connections,
    minimumIdle: 0,
    idleTimeout: 60,
    // Before the whole is over, so that it can say what kept it from connecting.
    acquireTimeout: Math.floor(timeoutMs * 0.9),
    // How long it tries to connect before it backs off, for up to 10 s: it shall never back off.
    initializationTimeout: maxTimerMs,
  });
  return {
    use: (work) => within(pool, timeoutMs, work),
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
    // A server may send the client to another one, password and all.
    permitRedirect: false,
  };
  if (tlsCa !== undefined) return { ...config, ssl: tlsSettings(host, tlsCa) };
  // Whoever answers on the plain wire could else ask for the password as it is.
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
    // The connector starts TLS on a socket that it has, and Node would then compare the certificate
    // of a server called by its address with the name "localhost".
    checkServerIdentity: (_: string, certificate: PeerCertificate) =>
      checkServerIdentity(host, certificate),
  };
}

/** Strict, so that nothing is cut to fit, and bounded; each server skips the other's comment. */
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
    throw storeError(error);
  } finally {
    deadline.clear();
  }
}

// Not awaited: it may roll back first, and the pool destroys a connection that fails at it.
function release(connection: PoolConnection): void {
  connection.release().catch(() => {});
}

function session(connection: Connection): MysqlSession {
  return {
    async execute({ sql, params }) {
      // As BIGINT: the connector would send what exceeds 32 bits as DOUBLE.
      const values = params.map((value) => (typeof value === 'number' ? BigInt(value) : value));
      try {
        const result = await connection.execute(sql, values);
        return Array.isArray(result)
          ? { rows: result, affected: 0 }
          : { rows: [], affected: result.affectedRows };
      } catch (error) {
        if (isIncomparable(error)) return { rows: [], affected: 0 };
        throw error;
      }
    },
    async query(sql) {
      await connection.query(sql);
    },
  };
}

async function end(pool: Pool, timeoutMs: number): Promise<void> {
  const deadline = new Deadline(timeoutMs);
  try {
    await deadline.race(pool.end(), () => {});
  } catch {
    // Closing is all that was wanted, and a server that does not answer needs no farewell.
  } finally {
    deadline.clear();
  }
}

/** One bound for several awaits. */
class Deadline {
  readonly #expired: Promise<never>;
  readonly #timer: NodeJS.Timeout;

  constructor(timeoutMs: number) {
    const { promise, reject } = Promise.withResolvers<never>();
    this.#expired = promise;
    this.#expired.catch(() => {});
    this.#timer = setTimeout(
      () => reject(new StoreUnavailableError(`The database did not answer in ${timeoutMs} ms`)),
      timeoutMs,
    );
  }

  /** Resolves as `pending` does, or rejects at the deadline and has `abandon` called. */
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
