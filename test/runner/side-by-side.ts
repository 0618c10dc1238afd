import { availableParallelism, cpus, freemem } from 'node:os';

const lookEveryMs = 1000;
const idleFrom = 0.15;
const roomBytes = 2 ** 31;

export interface Bounds {
  readonly least: number;
  readonly most: number;
  /** Whether one more may run; asked once a second. */
  hasRoom(): boolean;
}

/** Three at once for each core, and up to five while cores idle, since many tests wait for the product's intervals. */
export function boundsOfMachine(): Bounds {
  const cores = availableParallelism();
  const idle = idleCores();
  return {
    least: 3 * cores,
    most: 5 * cores,
    hasRoom: () => idle() > idleFrom && freemem() > roomBytes,
  };
}

/** Runs each item, begun in their order. */
export async function sideBySide<T>(
  items: readonly T[],
  { least, most, hasRoom }: Bounds,
  run: (item: T) => Promise<void>,
): Promise<void> {
  const left = [...items];
  let running = 0;
  const runNext = async (): Promise<void> => {
    const item = left.shift();
    if (item === undefined) return;
    running += 1;
    await run(item);
    running -= 1;
    if (running < least) await runNext();
  };
  const begun = Array.from({ length: least }, runNext);
  const timer = setInterval(() => {
    if (hasRoom() && running < most) begun.push(runNext());
  }, lookEveryMs);
  // The array grows meanwhile.
  for (const one of begun) await one;
  clearInterval(timer);
}

/** Returns at each call the share of the cores' time that was idle since the call before. */
function idleCores(): () => number {
  let before = timesOfCores();
  return () => {
    const now = timesOfCores();
    const share = (now.idle - before.idle) / (now.all - before.all);
    before = now;
    return share;
  };
}

function timesOfCores() {
  const times = cpus().map((core) => core.times);
  const all = times.flatMap((one) => Object.values(one)).reduce((sum, ms) => sum + ms, 0);
  return { all, idle: times.reduce((sum, { idle }) => sum + idle, 0) };
}
