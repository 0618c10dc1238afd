import { spawn, spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { type Installation, install, wildberries } from './installation.ts';
import { launcher } from './tool-process.ts';

const isThere = spawnSync('script', ['--version']).status === 0;
const skip = !isThere && 'no script of util-linux';

/** Runs the tool on a terminal, types Ctrl-C once it has printed `prompt`, and resolves to what the screen shows. */
async function interrupted(admin: Installation, argv: readonly string[], prompt: string) {
  const { folder, environment } = admin;
  const words = [process.execPath, launcher, ...argv].map((word) => `'${word}'`).join(' ');
  writeFileSync(join(folder, 'run.sh'), `trap : INT\n${words}\necho "ended with $?"\nstty -a\n`);
  const { PATH } = process.env;
  const child = spawn('script', ['-qec', 'sh run.sh', '/dev/null'], {
    cwd: folder,
    env: { PATH, TERM: 'dumb', SHELL: '/bin/sh', ...environment },
  });
  let screen = '';
  let isTyped = false;
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    screen += text;
    if (isTyped || !screen.includes(prompt)) return;
    isTyped = true;
    child.stdin.write('\x03');
  });
  await new Promise((done) => child.once('close', done));
  return screen;
}

for (const [argv, prompt] of [
  [['app', 'revoke', 'reports'], 'go on? [y/N]'],
  [['token', 'put', '--client', 'shop-1', '--type', 'wildberries'], 'Ctrl-D'],
] as const) {
  const command = argv.slice(0, 2).join(' ');
  t.test(`Ctrl-C at the prompt of ${command} changes nothing`, { skip }, async (t) => {
    const admin = await install(t);
    await admin.json(wildberries);
    await admin.json(['app', 'create', 'reports']);
    const { store } = admin.context(t);
    const before = await store.documents();
    const screen = await interrupted(admin, argv, prompt);
    t.match(screen, 'ended with 130');
    t.match(screen, / icanon .* echo /s, 'the terminal is as it was');
    t.notMatch(screen, /^ +at |error/m);
    t.same(await store.documents(), before);
    t.same(await admin.json(['token', 'list']), []);
  });
}
