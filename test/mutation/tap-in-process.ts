import { registerHooks } from 'node:module';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Test } from 'tap';

/** Name of the variable with the test files to run, separated by spaces. */
export const testsVariable = 'MUTATION_TESTS';

/** Read by the instrumented sources. */
const stryker: { activeMutant?: string } = {};
Object.assign(globalThis, { __stryker__: stryker });

let run = 0;
let current: Test | undefined;
const currentTest = 'mutation:current-test';
Object.assign(globalThis, { [currentTest]: () => current });

/**
 * Loads the project's modules anew for every run of a file, so that their top-level code runs mutated, and gives
 * test files their own `tap`. Packages are loaded once.
 */
function hookModules(): void {
  const project = `${pathToFileURL(process.cwd()).href}/`;
  registerHooks({
    resolve(specifier, context, next) {
      const inProject = context.parentURL?.startsWith(project) && specifier.startsWith('.');
      if (specifier === 'tap' && context.parentURL?.startsWith(project)) {
        return { url: `${currentTest}?${run}`, format: 'module', shortCircuit: true };
      }
      const resolved = next(specifier, context);
      return inProject ? { ...resolved, url: `${resolved.url}?${run}` } : resolved;
    },
    load(url, context, next) {
      if (!url.startsWith(currentTest)) return next(url, context);
      const source = `export default globalThis['${currentTest}']();`;
      return { source, format: 'module', shortCircuit: true };
    },
  });
}

/** Drops tap's messages to the parent process, which Stryker, the parent, does not understand. */
function keepTapQuiet(): void {
  const send = process.send?.bind(process);
  if (send === undefined) return;
  process.send = (message: unknown, ...rest: never[]) =>
    typeof message === 'string' ? send(message, ...rest) : true;
}

/** Runs the files until a test fails; returns its file. */
async function firstFailure(files: readonly string[]): Promise<string | undefined> {
  const { Test } = await import('tap');
  for (const file of files) {
    run += 1;
    const test = new Test({
      name: file,
      bail: true,
      cb: async () => {
        current = test as unknown as Test;
        await import(`${pathToFileURL(resolve(file)).href}?${run}`);
      },
    });
    test.resume();
    // After a failure in a nested test, the end is not always reported.
    await new Promise<void>((done) => test.once('bailout', () => done()).runMain(done));
    if (!test.passing()) return file;
  }
  return undefined;
}

/**
 * A test runner for Stryker that keeps tap and all packages loaded: loading them takes ten times as long as most
 * tests.
 */
class TapInProcess {
  readonly #files = (process.env[testsVariable] ?? '').split(' ');

  capabilities() {
    return { reloadEnvironment: true };
  }

  async init(): Promise<void> {
    keepTapQuiet();
    hookModules();
  }

  async dryRun() {
    const began = Date.now();
    const failed = await firstFailure(this.#files);
    return failed === undefined
      ? {
          status: 'complete',
          tests: [{ id: 'all', name: 'all', status: 0, timeSpentMs: Date.now() - began }],
        }
      : { status: 'error', errorMessage: `${failed} fails without a mutant` };
  }

  async mutantRun({ activeMutant }: { activeMutant: { id: string } }) {
    stryker.activeMutant = activeMutant.id;
    // For the processes that tests start.
    process.env.__STRYKER_ACTIVE_MUTANT__ = activeMutant.id;
    const failed = await firstFailure(this.#files);
    return failed === undefined
      ? { status: 'survived', nrOfTests: 1 }
      : { status: 'killed', killedBy: ['all'], failureMessage: failed, nrOfTests: 1 };
  }
}

export const strykerPlugins = [
  { kind: 'TestRunner', name: 'tap-in-process', injectableClass: TapInProcess },
];
