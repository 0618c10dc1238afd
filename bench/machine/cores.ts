import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { LocalError } from '../../local/local-error.ts';

/** Numbers of the cores for measured processes, for all others, and for a database (a third core, if there is one). */
export interface Cores {
  readonly server: number;
  readonly load: number;
  readonly database: number;
}

let allowed: readonly number[] | undefined;

/** Undefined without `taskset`, or with one core. The same each time, although this process is pinned by then. */
export function findCores(): Cores | undefined {
  if (spawnSync('taskset', ['--version']).status !== 0) return undefined;
  allowed ??= allowedCores();
  const [server, load, database = load] = allowed;
  if (server === undefined || load === undefined || database === undefined) return undefined;
  return { server, load, database };
}

/** Pins a process with its threads and future children to one core. @throws LocalError */
export function pin(pid: number, core: number): void {
  taskset(pid, [core]);
}

function taskset(pid: number, cores: readonly number[]): void {
  const { status, stderr } = spawnSync('taskset', ['-a', '-p', '-c', cores.join(','), `${pid}`]);
  if (status !== 0) throw new LocalError(`taskset: ${stderr}`);
}

/** Lets a process use all of the cores. @throws LocalError */
export function unpin(pid: number, { server, load, database }: Cores): void {
  taskset(pid, [...new Set([server, load, database])]);
}

/** The cores that this process may use: in a container not all. */
function allowedCores(): number[] {
  const status = readFileSync('/proc/self/status', 'utf8');
  const list = /^Cpus_allowed_list:\s*(.*)$/m.exec(status)?.[1] ?? '';
  return list.split(',').flatMap((range) => {
    const [first = Number.NaN, last = first] = range.split('-').map(Number);
    return Array.from({ length: last - first + 1 }, (_, i) => first + i);
  });
}
