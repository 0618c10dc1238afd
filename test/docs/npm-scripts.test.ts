import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { readAttackOptions } from '../../attack/scene/options.ts';
import { readBenchOptions } from '../../bench/options.ts';
import { readMutationOptions } from '../mutation/options.ts';
import { typistEnvironment } from './fresh-clone.ts';
import { consoleSteps, pageBlocks, pageSteps } from './page-blocks.ts';
import { openShell } from './shell-session.ts';
import { root } from './sources.ts';

/** Programs that run too long to be tried here, by their scripts, with what reads their arguments. */
const readers: Readonly<Record<string, (args: readonly string[]) => unknown>> = {
  attack: readAttackOptions,
  bench: readBenchOptions,
  mutate: readMutationOptions,
};
/** What `npm run` hands on, each argument in its line: the shell has taken comments and quotes away. */
const npm = `
npm() {
  test "$1" = run; shift
  test "$1" != --silent || shift
  printf '%s\\n' "$1"; shift
  test $# = 0 || { test "$1" = --; shift; printf '%s\\n' "$@"; }
}
`;
const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));

for (const name of ['attack', 'bench', 'mutation']) {
  t.test(`docs/${name}.md: its programs take what is typed`, async (t) => {
    const blocks = pageBlocks(readFileSync(join(root, `docs/${name}.md`), 'utf8'));
    const typed = [...consoleSteps(blocks), ...pageSteps(blocks)]
      .map(({ commands }) => commands)
      .flatMap((commands) => commands.split(/(?<!\\)\n(?=.)/));
    t.ok(typed.length > 1, 'the page has commands');
    const folder = t.testdir({ scratch: {} });
    const shell = openShell(t, {
      scratch: join(folder, 'scratch'),
      folder,
      environment: typistEnvironment,
    });
    await shell.run(npm);
    for (const command of typed) {
      const [script = '', ...args] = (await shell.run(command)).trim().split('\n');
      const read = readers[script];
      t.ok(read && script in scripts, `${script} is a script whose arguments are read here`);
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
