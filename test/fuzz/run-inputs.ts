import { randomInt } from 'node:crypto';
import fc from 'fast-check';
import type { Test } from 'tap';

const inFlight = 24;
const shrinkMs = 20_000;
const printedChars = 4000;

/** Inputs for each route: 10,000, or what `FUZZ_INPUTS` says. */
export const inputCount = Number(process.env.FUZZ_INPUTS ?? 10_000);
const seed = Number(process.env.FUZZ_SEED ?? randomInt(2 ** 31));

export interface FuzzRun<T> {
  readonly title: string;
  readonly inputs: fc.Arbitrary<T>;
  /** Resolves to what is wrong with what an input came to; undefined where all is well. */
  readonly judge: (input: T) => Promise<string | undefined>;
  /** Never printed. */
  readonly secrets: readonly string[];
}

/**
 * Judges {@link inputCount} inputs, many at a time; a first fault is then shrunk, one input at a
 * time, and the smallest input that shows it is printed without secrets. `FUZZ_SEED` repeats a run.
 */
export async function runInputs<T>(t: Test, run: FuzzRun<T>): Promise<void> {
  const { title, inputs, judge, secrets } = run;
  t.comment(`${title}: ${inputCount} inputs, FUZZ_SEED=${seed}`);
  const values = fc.sample(inputs, { seed, numRuns: inputCount });
  let next = 0;
  let faulty: { index: number; fault: string } | undefined;
  const work = async () => {
    while (next < values.length && faulty === undefined) {
      const index = next++;
      const fault = await judgeSafely(judge, values[index] as T);
      if (fault !== undefined) faulty ??= { index, fault };
    }
  };
  const began = performance.now();
  await Promise.all(Array.from({ length: inFlight }, work));
  t.comment(`${Math.round(performance.now() - began)} ms`);
  if (faulty === undefined) {
    t.pass(title);
    return;
  }
  const { index, fault } = faulty;
  const property = fc.asyncProperty(inputs, async (input) => {
    const found = await judgeSafely(judge, input);
    if (found !== undefined) throw new Error(found);
  });
  const shrunk = await fc.check(property, {
    seed,
    path: String(index),
    numRuns: 1,
    interruptAfterTimeLimit: shrinkMs,
  });
  const [smallest] = shrunk.counterexample ?? [values[index]];
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
