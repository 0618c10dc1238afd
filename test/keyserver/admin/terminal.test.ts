import { spawn, spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { openSecret } from '../../../keyserver/at-rest/secret.ts';
import { install, wildberries } from './installation.ts';
import { launcher } from './tool-process.ts';

const isThere = spawnSync('script', ['--version']).status === 0;
const skip = !isThere && 'no script of util-linux';
const put = ['token', 'put', '--client', 'shop-1', '--type', 'wildberries'];

async function setUp(t: Test) {
  const admin = await install(t);
  await admin.json(wildberries);
  await admin.json(['app', 'create', 'reports']);
  const { folder, environment } = admin;
  return {
    admin,
    /** Runs the tool on a terminal, types once it has printed `prompt`, and resolves to what the screen shows. */
    type: async (argv: readonly string[], prompt: string, keys: string) => {
      const words = [process.execPath, launcher, ...argv].map((word) => `'${word}'`).join(' ');
      writeFileSync(
        join(folder, 'run.sh'),
        `trap : INT\n${words}\necho "ended with $?"\nstty -a\n`,
      );
      const { PATH } = process.env;
      const child = spawn('script', ['-qec', 'sh run.sh', '/dev/null'], {
        cwd: folder,
        env: { PATH, TERM: 'xterm', SHELL: '/bin/sh', ...environment },
      });
      let screen = '';
      let isTyped = false;
      child.stdout.setEncoding('utf8').on('data', (text: string) => {
        screen += text;
        if (isTyped || !screen.includes(prompt)) return;
        isTyped = true;
        child.stdin.write(keys);
      });
      await new Promise((done) => child.once('close', done));
      t.match(screen, / icanon .* echo /s, 'the terminal is as it was');
      t.notMatch(screen, /^ +at /m, 'no stack');
      return screen;
    },
  };
}

for (const [argv, prompt, keys] of [
  [['app', 'revoke', 'reports'], 'go on? [y/N]', '\x03'],
  [put, 'Ctrl-D', '\x03'],
  [put, 'Ctrl-D', 'made-up-1\r\x03'],
] as const) {
  const title = `Ctrl-C at the prompt of ${argv.slice(0, 2).join(' ')} changes nothing`;
  t.test(`${title} (${JSON.stringify(keys)})`, { skip }, async (t) => {
    const { admin, type } = await setUp(t);
    const { store } = admin.context(t);
    const before = await store.documents();
    t.match(await type(argv, prompt, keys), 'ended with 130');
    t.same(await store.documents(), before);
    t.same(await admin.json(['token', 'list']), []);
  });
}

t.test('a secret that is typed is stored, and not shown', { skip }, async (t) => {
  const { admin, type } = await setUp(t);
  const screen = await type(put, 'Ctrl-D', 'made-up-x\x7f1\r\x04');
  t.match(screen, /stored the token of shop-1.*ended with 0/s);
  t.notMatch(screen, 'made-up');
  const { keyring, store } = admin.context(t);
  const [row] = await store.findTokens('shop-1', 'wildberries');
  t.same(row && openSecret(keyring, row), { fields: { token: 'made-up-1' } });
});
