import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, constants, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { writeFully } from '../../../keyserver/admin/shell/streams/write-fully.ts';
import { isCallerKey } from '../../../shared/crypto/caller-key.ts';
import { install } from './installation.ts';
import { runTool, startTool, type ToolEnded } from './tool-process.ts';

/** An installation with the app and the proxy `old`, on which the tool runs as a process. */
async function setUp(t: Test) {
  const admin = await install(t);
  for (const kind of ['app', 'proxy']) await admin.json([kind, 'create', 'old']);
  const { folder, environment } = admin;
  return {
    folder,
    environment,
    run: (argv: readonly string[], redirect: string) =>
      runTool(folder, argv, { environment, redirect }),
    stored: async () => [await admin.json(['app', 'list']), await admin.json(['proxy', 'list'])],
  };
}

/** A line on the fault, a line on the remedy, and no stack. */
function isShortError({ code, stderr }: Pick<ToolEnded, 'code' | 'stderr'>): boolean {
  return code === 74 && /^error: cannot write the \w+ \(E[A-Z]+\)\n {2}\S.*\n$/.test(stderr);
}

t.test('changes nothing if a new key cannot be written to stdout', async (t) => {
  const { run, stored } = await setUp(t);
  const before = await stored();
  for (const argv of [
    ['app', 'create', 'new'],
    ['app', 'rotate', 'old', '--overlap', '0s'],
  ]) {
    const ended = await run(argv, '> /dev/full');
    t.ok(isShortError(ended), argv.join(' '), { ...ended });
    t.match(ended.stderr, /\(ENOSPC\)\n {2}nothing was changed/);
  }
  const { stderr } = await run(
    ['proxy', 'rotate', 'old', '--overlap', '0s', '--json'],
    '> /dev/full',
  );
  t.match(JSON.parse(stderr), { error: { code: 'output_failed', hint: /^nothing was changed/ } });
  t.same(await stored(), before, 'no new caller, and the old keys are valid');
});

t.test('changes nothing if nobody reads a new key', async (t) => {
  const { folder, environment, stored } = await setUp(t);
  const before = await stored();
  for (const argv of [
    ['app', 'create', 'new'],
    ['proxy', 'rotate', 'old', '--overlap', '0s'],
  ]) {
    const child = startTool(folder, argv, { environment });
    child.stdout.destroy();
    let stderr = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
    });
    const code = await new Promise<number | null>((done) => child.once('close', done));
    t.ok(isShortError({ code, stderr }), argv.join(' '), { code, stderr });
    t.match(stderr, 'EPIPE');
  }
  t.same(await stored(), before);
});

t.test('makes no key if stdout is closed or goes nowhere', async (t) => {
  const { folder, run, stored } = await setUp(t);
  const before = await stored();
  for (const redirect of ['>&-', '> /dev/null', '<&- >&-']) {
    for (const argv of [
      ['app', 'create', 'new'],
      ['proxy', 'create', 'new', '--json'],
      ['app', 'rotate', 'old', '--overlap', '0s'],
    ]) {
      const { code, stderr } = await run(argv, redirect);
      t.equal(code, 74, `${argv.join(' ')} ${redirect}`);
      t.match(stderr, /nobody reads the key.*nothing was changed/s);
      t.notMatch(stderr, / at /);
    }
  }
  t.same(await stored(), before);
  const { code } = await run(['app', 'create', 'new', '--out', 'out.key'], '>&- 2>&-');
  t.equal(code, 0, 'a file keeps it');
  t.ok(isCallerKey(readFileSync(join(folder, 'out.key'), 'utf8').trimEnd(), 'spk_'));
  for (const argv of [['app', 'list'], ['doctor']]) {
    t.equal((await run(argv, '> /dev/null')).code, 0, 'other results may be lost');
  }
});

t.test('writes a new key to a redirected stdout, even if stderr is full', async (t) => {
  const { folder, run } = await setUp(t);
  const { code } = await run(['app', 'create', 'new'], '> new.key 2> /dev/full');
  t.equal(code, 0);
  t.ok(isCallerKey(readFileSync(join(folder, 'new.key'), 'utf8').trimEnd(), 'spk_'));
});

t.test('ends with a short error if a result cannot be written', async (t) => {
  const { run } = await setUp(t);
  for (const argv of [['app', 'list'], ['--help']]) {
    const ended = await run(argv, '> /dev/full');
    t.ok(isShortError(ended), argv.join(' '), { ...ended });
  }
  const { code } = await run(['app', 'rotate', 'none'], '2> /dev/full');
  t.equal(code, 1, 'an error that cannot be written keeps its exit code');
});

t.test(
  'waits for the reader of a full pipe that does not block',
  { timeout: 60_000 },
  async (t) => {
    const folder = t.testdir({});
    const [file, copy] = [join(folder, 'pipe'), join(folder, 'copy')];
    execFileSync('mkfifo', [file]);
    const pipe = openSync(file, constants.O_RDWR | constants.O_NONBLOCK);
    const text = Array.from({ length: 100_000 }, (_, i) => `${i}\n`).join('');
    const reader = spawn('sh', ['-c', 'sleep 0.2; cat "$0" > "$1"', file, copy]);
    const ended = once(reader, 'close');
    try {
      writeFully(pipe, text);
    } finally {
      closeSync(pipe);
    }
    await ended;
    t.ok(readFileSync(copy, 'utf8') === text);
  },
);
