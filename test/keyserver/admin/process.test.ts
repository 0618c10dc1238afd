import { spawn } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { join, resolve } from 'node:path';
import t from 'tap';
import { isCallerKey } from '../../../shared/crypto/caller-key.ts';
import { writeKeyring } from './installation.ts';

const main = resolve(import.meta.dirname, '../../../keyserver/admin/main.ts');

function start(folder: string, argv: readonly string[], environment: NodeJS.ProcessEnv = {}) {
  const { PATH, NODE_V8_COVERAGE } = process.env;
  return spawn(process.execPath, [main, ...argv], {
    cwd: folder,
    env: { PATH, ...(NODE_V8_COVERAGE && { NODE_V8_COVERAGE }), ...environment },
  });
}

async function run(
  folder: string,
  argv: readonly string[],
  { stdin = '', environment = {} }: { stdin?: string; environment?: NodeJS.ProcessEnv } = {},
) {
  const child = start(folder, argv, environment);
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  // A command that takes no secret ends without reading it.
  child.stdin.on('error', () => {});
  child.stdin.end(stdin);
  const code = await new Promise<number | null>((done) => child.once('close', done));
  return { code, stdout, stderr };
}

t.test('works as a program: arguments, stdin, .env, exit codes', async (t) => {
  writeKeyring(
    join(t.testdir({ '.env': 'DB_FILE=rows.db\nKEYRING_DIR=keyring\n' }), 'keyring'),
    'k',
  );
  const folder = t.testdirName;
  t.match(await run(folder, ['app', 'list']), { code: 4, stdout: '' });
  t.match(await run(folder, ['migrate']), {
    code: 0,
    stdout: 'applied 0001_initial\n',
    stderr: '',
  });
  const destination = ['--destination', 'https://api.example.com'];
  t.match(await run(folder, ['type', 'put', 'x', ...destination]), { code: 0 });
  const put = ['token', 'put', '--client', 'shop-1', '--type', 'x', '--json'];
  const stored = await run(folder, put, { stdin: 'opaque-words\n' });
  t.match(JSON.parse(stored.stdout), { client: 'shop-1', replaced: false, fields: ['token'] });
  t.same(stored.stderr, '');
  const { stdout: key } = await run(folder, ['app', 'create', 'reports']);
  t.ok(isCallerKey(key.trimEnd(), 'spk_'));
  t.match(await run(folder, ['doctor']), { code: 0 });
  t.match(await run(folder, ['type', 'show', 'y']), { code: 1 });
  t.match(await run(folder, ['nonsense']), { code: 2 });
  const production = { environment: { NODE_ENV: 'production' } };
  t.match(await run(folder, ['app', 'list'], production), { code: 3 });
});

t.test('ends quietly where its reader has seen enough', async (t) => {
  const folder = t.testdir();
  const child = start(folder, ['--help']);
  child.stdout.destroy();
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  t.equal(await new Promise((done) => child.once('close', done)), 0);
  t.equal(stderr, '');
});

t.test('is executable, as package.json names it', async (t) => {
  t.doesNotThrow(() => accessSync(main, constants.X_OK));
});
