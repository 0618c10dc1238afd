import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { accessSync, constants, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { freePort } from './free-port.ts';
import { hastyArguments, makeData } from './mariadb-data.ts';
import type { StartedServer } from './mysql-server.ts';
import { pollUntil } from './poll-until.ts';
import { serverReady } from './server-ready.ts';

const readyLimitMs = 120_000;
const isRoot = process.getuid?.() === 0;
const asRoot = isRoot ? ['--user=root'] : [];

/** The path of a `mariadbd`, or undefined if there is none. */
export function findMariadbd(): string | undefined {
  return findProgram('mariadbd');
}

function findProgram(name: string): string | undefined {
  // Not every user's PATH has the last two.
  const folders = `${process.env.PATH}${delimiter}/usr/sbin${delimiter}/usr/local/sbin`;
  return folders
    .split(delimiter)
    .map((folder) => join(folder, name))
    .find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** Installs Debian's package, as root, and gives the path; undefined if that cannot be done. */
export function installMariadbd(): string | undefined {
  if (!isRoot || !existsSync('/etc/debian_version')) return undefined;
  const install =
    'apt-get install -y --no-install-recommends mariadb-server-core mariadb-client-core';
  // Test files run side by side: one installs, the others wait and find it done.
  const script = `command -v mariadbd || ${install} || { apt-get update && ${install}; }`;
  const lock = join(tmpdir(), 'install-mariadbd.lock');
  try {
    execFileSync('flock', ['-w', '300', lock, 'sh', '-c', script], {
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
      stdio: 'ignore',
    });
  } catch {
    return undefined;
  }
  return findMariadbd();
}

/** A server as a process of this machine. */
export interface StartedMariadbd extends StartedServer {
  /** Of the process that runs now. */
  pid(): number | undefined;
}

/** Starts a private server with its data in a temporary folder; ready in about a second. */
export async function startMariadbd(
  program: string,
  extraArguments: readonly string[] = [],
): Promise<StartedMariadbd> {
  const folder = mkdtempSync(join(tmpdir(), 'mariadbd-'));
  const password = randomBytes(12).toString('hex');
  const data = join(folder, 'data');
  const initFile = join(folder, 'init.sql');
  writeFileSync(
    initFile,
    `CREATE USER IF NOT EXISTS 'app'@'127.0.0.1' IDENTIFIED BY '${password}';\n` +
      "GRANT ALL PRIVILEGES ON *.* TO 'app'@'127.0.0.1' WITH GRANT OPTION;\n",
    { mode: 0o600 },
  );
  makeData(findProgram('mariadb-install-db') ?? 'mariadb-install-db', asRoot, data);
  // Only now, or another process could take it meanwhile.
  const address = { host: '127.0.0.1', port: await freePort(), user: 'app', password };
  const launch = (): ChildProcess =>
    spawn(
      program,
      [
        '--no-defaults',
        ...asRoot,
        `--datadir=${data}`,
        `--tmpdir=${folder}`,
        // In its data folder: with a path it may be too long to bind (unix(7)).
        '--socket=socket',
        `--pid-file=${join(folder, 'pid')}`,
        `--init-file=${initFile}`,
        `--port=${address.port}`,
        ...serverArguments,
        ...extraArguments,
      ],
      { stdio: 'ignore' },
    );
  let child = launch();
  const signal = async (name: NodeJS.Signals) => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, 'exit');
    child.kill(name);
    await exited;
  };
  const removeAll = () => {
    child.kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  };
  process.once('exit', removeAll);
  const isReady = () => serverReady(address, readyLimitMs, () => child.exitCode !== null);
  await isReady();
  return {
    address,
    pid: () => child.pid,
    place: 'mariadbd on this machine',
    control: {
      stop: () => signal('SIGTERM'),
      kill: () => signal('SIGKILL'),
      async start() {
        child = launch();
        await isReady();
      },
      async pause() {
        child.kill('SIGSTOP');
        // Each thread stops once it is scheduled, so on a busy machine some still answer.
        await pollUntil('every thread stands still', () => threadStates(child.pid), areStopped);
      },
      async resume() {
        child.kill('SIGCONT');
      },
    },
    async dispose() {
      await signal('SIGKILL');
      removeAll();
      process.removeListener('exit', removeAll);
    },
  };
}

const serverArguments = [
  '--bind-address=127.0.0.1',
  '--skip-name-resolve',
  '--skip-log-bin',
  // Of data that are thrown away; those that are kept need the whole one.
  '--innodb-fast-shutdown=2',
  ...hastyArguments,
];

/** The states of a process's threads, a letter each (proc_pid_stat(5)). */
async function threadStates(pid: number | undefined): Promise<string[]> {
  const threads = await readdir(`/proc/${pid}/task`);
  return Promise.all(
    threads.map(async (thread) => {
      const stat = await readFile(`/proc/${pid}/task/${thread}/stat`, 'utf8');
      return stat.slice(stat.lastIndexOf(')') + 2, stat.lastIndexOf(')') + 3);
    }),
  );
}

function areStopped(states: readonly string[]): boolean {
  return states.every((state) => state === 'T');
}
