import { randomBytes } from 'node:crypto';
import { connect } from 'node:net';
import mariadb from 'mariadb';
import { findMariadbd, installMariadbd, startMariadbd } from './mariadbd.ts';
import { startContainer } from './mysql-container.ts';

/** How to log in to a server for tests. */
export interface ServerAddress {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
}

/** Controls of a server that the tests started themselves. */
export interface ServerControl {
  stop(): Promise<void>;
  /** Starts it again after `stop` or `kill`: on the same port, with the same data. */
  start(): Promise<void>;
  kill(): Promise<void>;
  /** It keeps its connections but answers nothing, until `resume`. */
  pause(): Promise<void>;
  resume(): Promise<void>;
}

/** A server as started or found, before it can make databases. */
export interface StartedServer {
  readonly address: ServerAddress;
  /** Its host, for the end of the description. */
  readonly place: string;
  /** Undefined for a server that was there already. */
  readonly control?: ServerControl;
  /** Ends the server and removes what it left; for one that was there already, nothing. */
  dispose(): Promise<void>;
}

export interface MysqlTestServer extends StartedServer {
  /** Such as "MariaDB 10.11.6, mariadbd on this machine". */
  readonly description: string;
  /** Makes an empty database and resolves to its name. */
  createDatabase(): Promise<string>;
}

const remedies =
  'No MySQL-protocol server for the tests: set TEST_DATABASE_URL=mysql://user:password@host:port/, ' +
  'or start a container engine, or install mariadb-server-core (Debian) or another mariadbd.';

/**
 * Sees to it that {@link startServer} finds a server, if need be by installing one, and resolves to
 * its description. The test processes started afterwards take the same way, unasked.
 */
export async function ensureServer(): Promise<string> {
  const server = await startServer();
  const { description } = server;
  await server.dispose();
  return description;
}

/**
 * A server for tests: `TEST_DATABASE_URL`, else a container of `TEST_DATABASE_IMAGE`, else a
 * `mariadbd` of this machine, which is installed if that is possible. `TEST_DATABASE_WAY` leaves
 * only one of the latter two: `container` or `mariadbd`.
 */
export async function startServer(): Promise<MysqlTestServer> {
  const way = process.env.TEST_DATABASE_WAY;
  if (way === 'container') return describe(await startContainer());
  if (process.env.TEST_DATABASE_URL) return describe(fromUrl(process.env.TEST_DATABASE_URL));
  if (way !== 'mariadbd' && (await engineAnswers())) {
    try {
      return await describe(await startContainer());
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      process.stderr.write(`No database container (${reason}); looking for mariadbd\n`);
    }
  }
  const program = findMariadbd() ?? installMariadbd();
  if (program === undefined) throw new Error(remedies);
  // So that what this process starts need not try the container again.
  process.env.TEST_DATABASE_WAY = 'mariadbd';
  return describe(await startMariadbd(program));
}

function fromUrl(value: string): StartedServer {
  const url = new URL(value);
  return {
    address: {
      host: url.hostname,
      port: Number(url.port || 3306),
      user: decodeURIComponent(url.username),
      password: decodeURIComponent(url.password),
    },
    place: `at ${url.host}`,
    dispose: async () => {},
  };
}

/** True if something listens at `DOCKER_HOST` or at the engine's usual socket. */
function engineAnswers(): Promise<boolean> {
  const host = process.env.DOCKER_HOST ?? 'unix:///var/run/docker.sock';
  const url = new URL(host);
  const target =
    url.protocol === 'unix:'
      ? { path: url.pathname }
      : { host: url.hostname, port: Number(url.port || 2375) };
  return new Promise((resolve) => {
    const socket = connect(target);
    const answer = (value: boolean) => {
      socket.destroy();
      resolve(value);
    };
    socket.once('connect', () => answer(true));
    socket.once('error', () => answer(false));
    socket.setTimeout(1000, () => answer(false));
  });
}

async function describe(server: StartedServer): Promise<MysqlTestServer> {
  const version = await ask(server.address, 'SELECT VERSION() AS answer');
  const product = /mariadb/i.test(version) ? 'MariaDB' : 'MySQL';
  const made: string[] = [];
  return {
    ...server,
    description: `${product} ${version.replace(/-.*/, '')}, ${server.place}`,
    async createDatabase() {
      const name = `test_${randomBytes(8).toString('hex')}`;
      await ask(server.address, `CREATE DATABASE ${name}`);
      made.push(name);
      return name;
    },
    async dispose() {
      if (server.control === undefined) {
        for (const name of made) await ask(server.address, `DROP DATABASE ${name}`);
      }
      await server.dispose();
    },
  };
}

/** Runs one statement on a connection of its own; resolves to the first row's `answer`, if any. */
export async function ask(
  address: ServerAddress & { readonly database?: string },
  sql: string,
): Promise<string> {
  const { host, port, user, password, database } = address;
  const connection = await mariadb.createConnection({
    host,
    port,
    user,
    password,
    ...(database === undefined ? {} : { database }),
    allowPublicKeyRetrieval: true,
    connectTimeout: 2000,
  });
  try {
    const rows = await connection.query(sql);
    return Array.isArray(rows) ? String(rows[0]?.answer) : '';
  } finally {
    await connection.end();
  }
}
