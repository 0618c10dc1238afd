import { chmodSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { outcome, type TestPair } from './pair.ts';
import type { PairState } from './pair-state.ts';
import { pollUntil } from './poll-until.ts';
import type { ServiceRun } from './service-run.ts';

/** Settings of a service with two workers. */
export const two = { WORKERS: '2' };

/** Process ids of the workers that said where they listen, the latest last. */
export const pidsOf = ({ output }: ServiceRun): number[] =>
  output
    .lines()
    .flatMap((line) =>
      String(line.msg).startsWith('Server listening at') ? [Number(line['process.pid'])] : [],
    );

/** Their process ids, once so many have listened in all. */
export const workersOf = (service: ServiceRun, count = 2) =>
  pollUntil(
    `${count} workers listen`,
    () => pidsOf(service),
    (pids) => pids.length === count,
  );

export const isGone = (pid: number) => {
  try {
    process.kill(pid, 0);
    return false;
  } catch {
    return true;
  }
};

/** The workers whose log has requests that were answered so. */
export const answeredBy = ({ output }: ServiceRun, members: Readonly<Record<string, unknown>>) =>
  new Set(output.linesWith(members).map((line) => line['process.pid']));

/** Calls on a new connection, which any worker may take. */
export const callNext = ({ call, appKey }: TestPair, members = {}) =>
  outcome(call(members, { authorization: `Bearer ${appKey}`, connection: 'close' }));

/** Lets others read an at-rest key, which KeyServer refuses at its start; the key's path. */
export function openToOthers({ KEYRING_DIR = '' }: PairState['settings']): string {
  const [name = ''] = readdirSync(KEYRING_DIR).filter((file) => file.endsWith('.key'));
  const key = join(KEYRING_DIR, name);
  chmodSync(key, 0o644);
  return key;
}
