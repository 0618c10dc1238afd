import { randomInt } from 'node:crypto';
import fc from 'fast-check';
import type { Test } from 'tap';

const inFlight = 24;
const shrinkMs = 20_000;
const printedChars = 4000;

/** How much is sent to a service. */
export interface FuzzSize {
  /** Inputs for each route: half of them the same in every run, half of a seed of the run. */
  readonly inputs: number;
  /** Good requests before and after, by which its state is measured. */
  readonly measuredCalls: number;
}
/** For `npm test`, and for `npm run test:long`. */
export const shortFuzz: FuzzSize = { inputs: 120, measuredCalls: 30 };
export const longFuzz: FuzzSize = { inputs: 10_000, measuredCalls: 300 };

const sameSeed = 1;
const seedOfRun = Number(process.env.FUZZ_SEED ?? randomInt(2 ** 31));

export interface FuzzRun<T> {
  readonly title: string;
  readonly inputs: fc.Arbitrary<T>;
  /** Resolves to what is wrong with what an input came to; undefined if all is well. */
  readonly judge: (input: T) => Promise<string | undefined>;
  /** Never printed. */
  readonly secrets: readonly string[];
}

/**
 * Judges inputs, many at a time; a first fault is then shrunk, one input at a time, and the smallest input that
 * shows it is printed without secrets. `FUZZ_SEED` repeats a run.
 */
export async function runInputs<T>(t: Test, size: FuzzSize, run: FuzzRun<T>): Promise<void> {
  const { title, inputs, judge, secrets } = run;
  t.comment(`${title}: ${size.inputs} inputs, FUZZ_SEED=${seedOfRun}`);
  const values = [sameSeed, seedOfRun].flatMap((seed) =>
    fc
      .sample(inputs, { seed, numRuns: size.inputs / 2 })
      .map((input, index) => ({ input, seed, index })),
  );
  let next = 0;
  let faulty: ((typeof values)[number] & { readonly fault: string }) | undefined;
  const work = async () => {
    while (faulty === undefined) {
      const value = values[next++];
      if (value === undefined) return;
      const fault = await judgeSafely(judge, value.input);
      if (fault !== undefined) faulty ??= { ...value, fault };
    }
  };
  const began = performance.now();
  await Promise.all(Array.from({ length: inFlight }, work));
  t.comment(`${Math.round(performance.now() - began)} ms`);
  if (faulty === undefined) {
    t.pass(title);
    return;
  }
  const { input, seed, index, fault } = faulty;
  const property = fc.asyncProperty(inputs, async (tried) => {
    const found = await judgeSafely(judge, tried);
    if (found !== undefined) throw new Error(found);
  });
  const shrunk = await fc.check(property, {
    seed,
    path: String(index),
    numRuns: 1,
    interruptAfterTimeLimit: shrinkMs,
  });
  const [smallest] = shrunk.counterexample ?? [input];
  const said =
    shrunk.errorInstance instanceof Error ? shrunk.errorInstance.message : `${fault} (once)`;
  t.fail(`${title}: ${withoutSecrets(said, secrets)}`, {
    input: withoutSecrets(JSON.stringify(smallest) ?? 'undefined', secrets),
    seed,
    index,
  });
}

async function judgeSafely<T>(judge: FuzzRun<T>['judge'], input: T): Promise<string | undefined> {
  try {
    return await judge(input);
  } catch (error) {
    return `no answer: ${error instanceof Error ? error.message : error}`;
  }
}

function withoutSecrets(text: string, secrets: readonly string[]): string {
  const clean = secrets.reduce((left, secret) => left.replaceAll(secret, '[secret]'), text);
  return clean.length > printedChars ? `${clean.slice(0, printedChars)}… (${clean.length})` : clean;
}
