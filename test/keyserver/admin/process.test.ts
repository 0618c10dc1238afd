import { accessSync, constants } from 'node:fs';
import t from 'tap';
import { isCallerKey } from '../../../shared/crypto/caller-key.ts';
import { launcher, runTool, startTool, toolFolder } from './tool-process.ts';

t.test('works as a program: arguments, stdin, .env, exit codes', async (t) => {
  const folder = toolFolder(t);
  // One run is enough to cover launcher.ts.
  const { NODE_V8_COVERAGE } = process.env;
  const environment = NODE_V8_COVERAGE === undefined ? {} : { NODE_V8_COVERAGE };
  t.match(await runTool(folder, ['app', 'list'], { environment }), { code: 4, stdout: '' });
  t.match(await runTool(folder, ['migrate']), {
    code: 0,
    stdout:
      'applied 0001_initial\napplied 0002_history\napplied 0003_replicas\napplied 0004_images\n',
    stderr: '',
  });
  const destination = ['--destination', 'https://api.example.com'];
  t.match(await runTool(folder, ['type', 'put', 'x', ...destination]), { code: 0 });
  const put = ['token', 'put', '--client', 'shop-1', '--type', 'x', '--json'];
  const stored = await runTool(folder, put, { stdin: 'opaque-words\n' });
  t.match(JSON.parse(stored.stdout), { client: 'shop-1', replaced: false, fields: ['token'] });
  t.same(stored.stderr, '');
  const { stdout: key } = await runTool(folder, ['app', 'create', 'reports']);
  t.ok(isCallerKey(key.trimEnd(), 'spk_'));
  t.match(await runTool(folder, ['type', 'show', 'y']), { code: 1 });
  t.match(await runTool(folder, ['nonsense']), { code: 2 });
  const production = { environment: { NODE_ENV: 'production' } };
  t.match(await runTool(folder, ['app', 'list'], production), { code: 3 });
});

t.test('ends quietly if its reader has seen enough', async (t) => {
  const child = startTool(t.testdir(), ['--help']);
  child.stdout.destroy();
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  t.equal(await new Promise((done) => child.once('close', done)), 0);
  t.equal(stderr, '');
});

t.test('is executable, as package.json names it', async (t) => {
  t.doesNotThrow(() => accessSync(launcher, constants.X_OK));
});
