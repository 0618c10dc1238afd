import type { Worker } from 'node:cluster';
import { EventEmitter } from 'node:events';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import t from 'tap';
import { Holders } from '../../secureproxy/bulkheads/holders.ts';
import { Lanes } from '../../secureproxy/bulkheads/lanes.ts';
import { Shares } from '../../secureproxy/bulkheads/shares.ts';
import { BodyBudget } from '../../secureproxy/receipt/body-budget.ts';
import { Primary, type Question } from '../../shared/process/primary.ts';

setFlagsFromString('--expose-gc');
const collect: () => void = runInNewContext('gc');

const times = 20_000;
const rounds = 3;
/** An entry of a map with its name takes a hundred bytes, so all of them take several times as much. */
const maxBytes = 500_000;

/** The bytes that are held after an act was done with many names: of some rounds the least, since others warm up. */
async function growthOf(act: (i: number) => unknown): Promise<number> {
  let name = 0;
  const heldAfter = async (count: number) => {
    for (let i = 0; i < count; i++) await act(name++);
    collect();
    return process.memoryUsage().heapUsed;
  };
  let before = await heldAfter(times / 10);
  let least = Number.POSITIVE_INFINITY;
  for (let round = 0; round < rounds; round++) {
    const after = await heldAfter(times);
    least = Math.min(least, after - before);
    before = after;
  }
  return least;
}

/** A primary process that answers at once. */
function answeringWorker(): Worker {
  const worker = new EventEmitter();
  const send = ({ id }: Question) => worker.emit('message', { id, answer: 'new' });
  return Object.assign(worker, { send }) as unknown as Worker;
}

const primary = new Primary(answeringWorker());
const budget = new BodyBudget({ totalBytes: 1_000, strangersBytes: 100, sourceBytes: 100 });
const holders = new Holders(() => ({ held: 0, waiting: 0 }));
const lanes = new Lanes<object>();
const calls = { free: 1, stepAside() {}, stepBack() {}, onLeave() {} };
const shares = new Shares({ max: 16, connections: 16, calls });

/** Collections that live as long as the process, with an entry for each of many; others are bounded in their own tests. */
const acts: Readonly<Record<string, (i: number) => unknown>> = {
  'questions of a worker to its primary process': (i) => primary.ask({ nonce: `nonce-${i}` }),
  'bodies of apps': (i) => {
    budget.take({ app: `app-${i}` }, 10);
    budget.give({ app: `app-${i}` }, 10);
  },
  'idle apps, clients and origins': (i) => holders.get(`app-${i}`),
  'calls that have waited': (i) => {
    const claim = { app: `app-${i}`, target: { client: `client-${i}`, origin: 'o' } };
    lanes.add(claim, shares.claimants(claim), {})();
  },
};

for (const [what, act] of Object.entries(acts)) {
  t.test(`${what} leave nothing behind`, async (t) => {
    const bytes = await growthOf(act);
    t.ok(bytes < maxBytes, `${bytes} bytes`);
  });
}
