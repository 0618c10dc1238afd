import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { readAttackOptions } from '../../attack/scene/options.ts';
import { readBenchOptions } from '../../bench/options.ts';
import { readMutationOptions } from '../mutation/options.ts';
import { readTestOptions } from '../runner/options.ts';
import { typistEnvironment } from './fresh-clone.ts';
import { consoleSteps, pageBlocks, pageSteps } from './page-blocks.ts';
import { openShell } from './shell-session.ts';
import { root } from './sources.ts';

/** Readers of each script's arguments, since most scripts run too long to be tried here. */
const readers: Readonly<Record<string, (args: readonly string[]) => unknown>> = {
  attack: readAttackOptions,
  bench: readBenchOptions,
  mutate: readMutationOptions,
  test: readTests,
  'test:unit': (args) => readTests(['--unit', ...args]),
  'test:changed': (args) => readTests(['--changed', ...args]),
  'test:long': (args) => readTests(['--long', ...args]),
  ci: checkNone,
  check: checkNone,
  docs: checkNone,
  openapi: checkNone,
};
/** Stands in for npm: prints the script and its arguments, a line each, as the shell parsed them. */
const npm = `
npm() {
  test "$1" != run || shift
  test "$1" != --silent || shift
  printf '%s\\n' "$1"; shift
  test $# = 0 || { test "$1" = --; shift; printf '%s\\n' "$@"; }
}
`;
const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));

for (const page of ['docs/threat-model.md', 'docs/bench.md', 'CONTRIBUTING.md']) {
  t.test(`${page}: npm and its programs take what is typed`, async (t) => {
    const blocks = pageBlocks(readFileSync(join(root, page), 'utf8'));
    const typed = [...consoleSteps(blocks), ...pageSteps(blocks)]
      .map(({ commands }) => commands)
      .flatMap((commands) => commands.split(/(?<!\\)\n(?=.)/));
    t.ok(typed.length > 1, 'the page has commands');
    const folder = t.testdir({ scratch: {} });
    const shell = openShell(t, {
      scratch: join(folder, 'scratch'),
      folder: root,
      environment: typistEnvironment,
    });
    await shell.run(npm);
    for (const command of typed) {
      const [script = '', ...args] = (await shell.run(command)).trim().split('\n');
      const read = readers[script];
      t.ok(read && (script === 'ci' || script in scripts), `npm knows ${script}`);
      t.doesNotThrow(() => read?.(args.map(existing)), command);
    }

    /** Files that an argument names are read as well. */
    function existing(argument: string): string {
      if (!/^\w+\.(?:key|txt|crt)$/.test(argument)) return argument;
      const file = join(folder, argument);
      writeFileSync(file, 'made-up');
      return file;
    }
  });
}

function checkNone(args: readonly string[]): void {
  if (args.length > 0) throw new Error(`takes no arguments: ${args.join(' ')}`);
}

function readTests(args: readonly string[]): unknown {
  return readTestOptions(root, args);
}
