import { setTimeout as sleep } from 'node:timers/promises';
import {
  beatMs,
  isLive,
  type KnownReplica,
  type Report,
  readReport,
} from '../../replicas/report.ts';
import type { OperationContext } from '../context.ts';
import { count } from '../count.ts';
import { OperationError } from '../operation-error.ts';
import type { Suggestion } from '../suggestion.ts';

const pollMs = 500;
/** Long enough for every live process to report once more; those that stand still are not live. */
const minPolls = Math.ceil((1.5 * beatMs) / pollMs);
/** Long enough for files that are being distributed, and for a process to count as dead. */
const maxPolls = 60;

/** Why a process does not confirm: words that follow its host. */
export interface Objection {
  readonly why: string;
  /** Default: to list the keys. */
  readonly suggestion?: Suggestion;
}

export interface ConfirmOptions {
  /** Number of KeyServers that must confirm. */
  readonly needed: number;
  /** Undefined if a process confirms. */
  readonly objection: (report: Report) => Objection | undefined;
  /** The system's timer by default. */
  readonly pause?: ((ms: number) => Promise<unknown>) | undefined;
}

export async function readReplicas({
  store,
  keyring,
}: Pick<OperationContext, 'store' | 'keyring'>): Promise<KnownReplica[]> {
  return (await store.replicas()).map((row) => readReport(keyring, row));
}

/**
 * Waits until `needed` KeyServers confirm, all workers of each, and nobody who is live objects. Only reports that come
 * meanwhile count: a copy of an old one does not. A process that starts meanwhile must be watched as long as the others.
 * Resolves to the hosts of those that confirmed.
 * @throws OperationError not_confirmed
 */
export async function confirm(
  context: OperationContext,
  { needed, objection, pause = sleep }: ConfirmOptions,
): Promise<string[]> {
  // The beat of each process, the poll at which it came, and that from which the process is known.
  const seen = new Map<string, { beat: number; poll: number; since: number }>();
  for (const { id, beat } of await readReplicas(context)) {
    seen.set(id, { beat, poll: -minPolls, since: 0 });
  }
  let found = { hosts: [] as string[], objections: [] as Objection[] };
  for (let polls = 1; polls <= maxPolls; polls += 1) {
    await pause(pollMs);
    const replicas = await readReplicas(context);
    for (const { id, beat } of replicas) {
      const { beat: last, since } = seen.get(id) ?? { beat: 0, since: polls };
      if (beat > last) seen.set(id, { beat, poll: polls, since });
    }
    // One that has died meanwhile confirms nothing any more.
    const moved = replicas.filter(
      (one) => isLive(one) && polls - (seen.get(one.id)?.poll ?? -minPolls) < minPolls,
    );
    // Proxies tell one that has just started in the next seconds what they pin.
    const isNew = ({ id }: KnownReplica) => polls - (seen.get(id)?.since ?? polls) < minPolls;
    found = judge(moved, objection, isNew);
    if (polls >= minPolls && found.hosts.length >= needed && found.objections.length === 0) {
      return found.hosts;
    }
  }
  throw new OperationError(
    'not_confirmed',
    [
      `${count(found.hosts.length, 'KeyServer')} confirmed, of ${needed} that must`,
      ...found.objections.map(({ why }) => why),
    ].join('; '),
    found.objections.find(({ suggestion }) => suggestion)?.suggestion ?? { do: 'list_keys' },
  );
}

function judge(
  moved: readonly KnownReplica[],
  objection: ConfirmOptions['objection'],
  isNew: (one: KnownReplica) => boolean,
) {
  const objections = moved.flatMap(({ report, kid }): Objection[] => {
    if (report === undefined) {
      const why = `a KeyServer cannot be asked whose key ${JSON.stringify(kid)} this keyring lacks, or has another of`;
      return [{ why }];
    }
    const found = objection(report);
    return found === undefined ? [] : [{ ...found, why: `${report.host} ${found.why}` }];
  });
  const reports = moved.flatMap((one) => (isNew(one) ? [] : (one.report ?? [])));
  const instances = [...Map.groupBy(reports, ({ instance }) => instance).values()];
  const hosts = instances
    .filter((workers) => workers.length >= Math.max(...workers.map((one) => one.workers)))
    .filter((workers) => workers.every((one) => objection(one) === undefined))
    .map(([one]) => one?.host ?? '');
  return {
    hosts: hosts.sort(),
    objections: [...new Map(objections.map((one) => [one.why, one])).values()],
  };
}
