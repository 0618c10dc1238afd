import { randomBytes } from 'node:crypto';
import { closeSync, mkdirSync, openSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { runAdmin } from '../../../keyserver/admin/program.ts';
import { readSettings } from '../../../keyserver/admin/shell/settings.ts';
import { loadKeys, type OperationContext } from '../../../keyserver/operations/context.ts';
import { openSqliteStore } from '../../../keyserver/store/sqlite/sqlite.ts';
import type { Clock } from '../../../shared/clock.ts';
import type { Environment } from '../../../shared/settings/config.ts';

/** The wall clock of every run, unless a test turns it. */
export const startMs = Date.parse('2027-03-04T05:06:07.000Z');

export interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly stdin?: string | Uint8Array | AsyncIterable<Uint8Array>;
  readonly stdinIsTerminal?: boolean;
  /** By default as {@link stdinIsTerminal}. */
  readonly stderrIsTerminal?: boolean;
  /** The width of the terminal that stdout is. */
  readonly stdoutColumns?: number;
  readonly environment?: Environment;
}

/** The part of a tap test that the fixture needs. */
interface Test {
  testdir(): string;
  teardown(work: () => unknown): unknown;
}

/** A folder with a keyring and an embedded database, and the tool run on them in this process. */
export class Installation {
  readonly folder: string;
  readonly environment: Environment;
  nowMs = startMs;
  readonly clock: Clock = { now: () => this.nowMs, monotonic: () => this.nowMs };

  constructor(t: Test) {
    this.folder = t.testdir();
    const keyring = join(this.folder, 'keyring');
    writeKeyring(keyring, 'first');
    const DB_FILE = join(this.folder, 'rows.db');
    this.environment = { DB_FILE, KEYRING_DIR: keyring, NO_COLOR: '1' };
  }

  async run(argv: readonly string[], options: RunOptions = {}): Promise<Ran> {
    const { stdin = '', stdinIsTerminal = false, environment = {} } = options;
    const { stderrIsTerminal = stdinIsTerminal } = options;
    let stdout = '';
    let stderr = '';
    const code = await runAdmin(argv, {
      environment: { ...this.environment, ...environment },
      folder: this.folder,
      stdin:
        typeof stdin === 'string' || stdin instanceof Uint8Array
          ? chunked(Buffer.from(stdin))
          : stdin,
      stdinIsTerminal,
      stdoutColumns: options.stdoutColumns,
      stderrColumns: stderrIsTerminal ? 80 : undefined,
      writeStdout: (text) => {
        stdout += text;
      },
      writeStderr: (text) => {
        stderr += text;
      },
      clock: this.clock,
    });
    return { code, stdout, stderr };
  }

  /** Runs a command that must succeed; returns its JSON value. */
  async json(argv: readonly string[], options?: RunOptions) {
    const { code, stdout, stderr } = await this.run([...argv, '--json'], options);
    if (code !== 0) throw new Error(`exit code ${code}: ${stderr}`);
    return JSON.parse(stdout);
  }

  /** Runs a command that must fail; returns its exit code and its error as `--json` has it. */
  async failure(argv: readonly string[], options?: RunOptions) {
    const { code, stdout, stderr } = await this.run([...argv, '--json'], options);
    if (stdout !== '') throw new Error(`unexpected result: ${stdout}`);
    return { exit: code, ...JSON.parse(stderr).error };
  }

  /** Changes the database as somebody else with write access would. */
  sql(statement: string, ...values: string[]): void {
    this.rows(statement, ...values);
  }

  /** Reads it likewise. */
  rows(statement: string, ...values: string[]): Record<string, unknown>[] {
    const file = join(this.folder, 'rows.db');
    closeSync(openSync(file, 'a', 0o600));
    const database = new DatabaseSync(file);
    try {
      return database.prepare(statement).all(...values);
    } finally {
      database.close();
    }
  }

  /** The operations' context, for tests that call them without the tool. */
  context(t: Test): OperationContext {
    const { config } = readSettings({ environment: this.environment, folder: this.folder });
    const { DB_TOKEN_TABLE: tokenTable, DB_TIMEOUT_MS: timeoutMs } = config;
    const store = openSqliteStore({ file: join(this.folder, 'rows.db'), tokenTable, timeoutMs });
    t.teardown(() => store.close());
    return { ...loadKeys(config), store, clock: this.clock };
  }
}

/** An {@link Installation} with an up-to-date schema. */
export async function install(t: Test): Promise<Installation> {
  const installation = new Installation(t);
  await installation.json(['migrate']);
  return installation;
}

export function writeKeyring(folder: string, kid: string): void {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, `${kid}.key`), randomBytes(32), { mode: 0o600 });
  writeFileSync(join(folder, 'primary'), `${kid}\n`);
}

/** As a pipe gives it: in pieces. */
async function* chunked(bytes: Buffer): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += 10_000) yield bytes.subarray(at, at + 10_000);
}

export const wildberries = [
  'type',
  'put',
  'wildberries',
  '--destination',
  'https://api.example.com',
  '--header',
  'Authorization: {token}',
];
