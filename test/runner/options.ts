import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { LocalError } from '../../local/local-error.ts';
import { changedSince, TestFiles } from './test-files.ts';

export interface TestOptions {
  /** Test files by the process that they run in. */
  readonly groups: readonly string[][];
  /** Whether these are all, so that checks and coverage are demanded, too. */
  readonly isAll: boolean;
}

/** Reads the arguments of `npm test` and of its siblings in package.json. @throws LocalError */
export function readTestOptions(root: string, args: readonly string[]): TestOptions {
  const [first, ...rest] = args;
  const tests = new TestFiles();
  if (first === undefined) return { groups: tests.inGroups(tests.all), isAll: true };
  if (first === '--changed' && rest.length < 2) {
    return { groups: tests.inGroups(tests.reaching(changed(root, rest[0]))), isAll: false };
  }
  if (first === '--unit' || first === '--long') {
    if (rest.length > 0)
      throw new LocalError(`takes no files: ${rest[0]} runs by npm test -- ${rest[0]}`);
    return { groups: tests.inGroups(first === '--unit' ? tests.unit : tests.long), isAll: false };
  }
  const wrong = args.find((file) => !/\.test\.ts$/.test(file) || !existsSync(join(root, file)));
  if (wrong !== undefined)
    throw new LocalError(`${wrong} is no test file: name one or several that end in .test.ts`);
  // Whoever names files wants to see each as it is alone.
  return { groups: args.map((file) => [file]), isAll: false };
}

function changed(root: string, commit: string | undefined): string[] {
  try {
    return changedSince(root, commit);
  } catch {
    throw new LocalError(`git shows no changes since ${commit ?? 'the last commit'}`);
  }
}
