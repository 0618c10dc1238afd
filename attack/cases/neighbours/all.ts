import { setTimeout as sleep } from 'node:timers/promises';
import { type Attack, type Outcome, type OwnScene, ownOf, type Scene } from '../../scene/attack.ts';
import { stillServes } from '../../scene/still-serves.ts';
import { type Call, caller, type Market } from './attackers/caller.ts';
import { startMarkets } from './markets.ts';

/** The quiet app calls alone and beside the others in turn, since a busy machine changes from second to second. */
const rounds = 4;
const callsPerRound = 250;
const atOnce = 8;
/** Until the others' calls have come, or are over. */
const settleMs = 1000;

/** A quiet app's calls, a few at once: the statuses of those that failed, and all durations. */
async function callQuietly(call: Call, market: Market) {
  const failures: (number | undefined)[] = [];
  const durations: number[] = [];
  let left = callsPerRound;
  const one = async () => {
    while (left > 0) {
      left -= 1;
      const began = performance.now();
      const status = await call(market).status;
      durations.push(performance.now() - began);
      if (status !== 200) failures.push(status);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, one));
  return { failures, durations };
}
type Called = Awaited<ReturnType<typeof callQuietly>>;

/** Halts KeyServer most of the time. */
async function slowDown({ haltKeyserver }: OwnScene, over: AbortSignal): Promise<void> {
  while (!over.aborted) {
    const goOn = haltKeyserver();
    await sleep(300);
    goOn();
    await sleep(100);
  }
}

async function besideNeighbours(scene: Scene): Promise<Outcome> {
  const { healthy, quietKey, attackers, order, close } = await startMarkets(scene);
  const quiet = caller(scene, quietKey);
  const alone: Called[] = [];
  const beside: Called[] = [];
  try {
    // The first round is not counted: the first calls of a process cost more.
    for (let round = 0; round <= rounds; round++) {
      alone.push(await callQuietly(quiet, healthy));
      const over = new AbortController();
      attackers.begin(order);
      const slowed = slowDown(ownOf(scene), over.signal);
      await sleep(settleMs);
      beside.push(await callQuietly(quiet, healthy));
      over.abort();
      await Promise.all([slowed, attackers.end()]);
      await sleep(settleMs);
    }
  } finally {
    close();
  }
  const failures = beside.flatMap((called) => called.failures);
  const [aloneMs, besideMs] = [p99Ms(alone.slice(1)), p99Ms(beside.slice(1))];
  const failed = `${failures.length} of ${beside.length * callsPerRound} calls beside them failed`;
  const slower = `p99 ${aloneMs.toFixed(1)} ms alone, ${besideMs.toFixed(1)} ms beside them, ${(besideMs / aloneMs).toFixed(1)} times as long`;
  const happened = `${[failed, ...new Set(failures)].join(' ')}; ${slower}`;
  return failures.length === 0 ? await stillServes(scene, happened) : { held: false, happened };
}

function p99Ms(called: readonly Called[]): number {
  const durations = called.flatMap((one) => one.durations).sort((a, b) => a - b);
  return durations[Math.floor(durations.length * 0.99)] ?? 0;
}

export const neighbourAttacks: readonly Attack[] = [
  {
    class: 'neighbours',
    name: 'one app with 1,184 calls to silent and slow marketplaces and names, uploads that are answered early, and questions to a slow KeyServer',
    ownOnly: true,
    run: besideNeighbours,
  },
];
