import t from 'tap';
import { parse } from 'yaml';
import { install, wildberries } from './installation.ts';

const esc = String.fromCharCode(27);
/** Text as it shows, without colours. */
const plain = (text: string) => text.replaceAll(new RegExp(`${esc}\\[\\d+m`, 'g'), '');

t.test('prints the same value as JSON and as YAML', async (t) => {
  const admin = await install(t);
  await admin.json(wildberries);
  const list = ['type', 'list'];
  const value = await admin.json(list);
  for (const option of ['-o', '--output']) {
    t.same(JSON.parse((await admin.run([option, 'json', ...list])).stdout), value);
    t.same(parse((await admin.run([...list, option, 'yaml'])).stdout), value);
    t.equal((await admin.run([...list, option, 'table'])).stdout, (await admin.run(list)).stdout);
  }
  const failed = await admin.run(['type', 'show', 'none', '-o', 'yaml']);
  t.equal(failed.stdout, '');
  t.match(parse(failed.stderr), { error: { code: 'not_found' } });
  const early = await admin.run(['-o', 'json', 'tpye']);
  t.match(JSON.parse(early.stderr), { error: { code: 'usage', hint: 'did you mean type?' } });
  const wrong = await admin.run([...list, '-o', 'canary']);
  t.equal(wrong.code, 2);
  t.match(wrong.stderr, 'error: -o, --output <format> must be one of table, json, yaml\n');
});

t.test('no reader of YAML takes a name for another type', async (t) => {
  const admin = await install(t);
  const ids = ['no', 'on', 'y', 'null', '1e3', '017', '1_000', '12:30:45', '2026-01-01', '~'];
  for (const id of ids) await admin.json(['app', 'create', id]);
  const { stdout } = await admin.run(['app', 'list', '-o', 'yaml']);
  for (const version of ['1.1', '1.2'] as const) {
    const read = parse(stdout, { version }).map(({ id }: { id: unknown }) => id);
    t.same(read.sort(), ids.toSorted(), version);
  }
  const exported = await admin.run(['export']);
  t.same(Object.keys(parse(exported.stdout, { version: '1.1' }).apps).sort(), ids.toSorted());
});

t.test('a value for programs does not act on a terminal either', async (t) => {
  const admin = await install(t);
  await admin.json(wildberries);
  const hostile = 'a\u001b[31m\u009b31m\u202eb\u2028\u007f';
  admin.sql('UPDATE documents SET id = ?', hostile);
  for (const format of ['json', 'yaml']) {
    const { stdout } = await admin.run(['type', 'list', '-o', format]);
    t.notMatch(stdout, /[^\P{Cc}\n]|[\u2028\u2029\u202a-\u202e\u2066-\u2069]/u, format);
    t.equal(parse(stdout)[0].type ?? parse(stdout)[0].id, hostile, format);
  }
});

t.test('lists documents as people count', async (t) => {
  const admin = await install(t);
  // 10 and 010 are one number, and have an order all the same.
  const ids = ['shop-1', 'shop-2', 'shop-10', 'shop-a', 'shop-010'];
  for (const id of ids) await admin.json(['app', 'create', id]);
  const inOrder = ['shop-1', 'shop-2', 'shop-010', 'shop-10', 'shop-a'];
  t.same(
    (await admin.json(['app', 'list'])).map(({ id }: { id: string }) => id),
    inOrder,
  );
  const { stdout } = await admin.run(['export']);
  t.same(Object.keys(parse(stdout).apps), inOrder);
});

t.test('has colours on a terminal only, unless NO_COLOR or FORCE_COLOR decides', async (t) => {
  const admin = await install(t);
  await admin.json(wildberries);
  const list = ['type', 'list'];
  const { stdout } = await admin.run(list);
  t.notMatch(stdout, esc);
  const shown = async (environment: Record<string, string>, stdoutColumns?: number) =>
    (
      await admin.run(list, {
        environment: { NO_COLOR: '', ...environment },
        ...(stdoutColumns && { stdoutColumns }),
      })
    ).stdout;
  t.match(await shown({}, 200), `${esc}[1mTYPE `);
  t.equal(plain(await shown({}, 200)), stdout);
  t.match(await shown({ FORCE_COLOR: '1' }), esc);
  for (const plainly of [{ NO_COLOR: '1' }, { TERM: 'dumb' }, { FORCE_COLOR: '0' }]) {
    t.equal(await shown(plainly, 200), stdout, JSON.stringify(plainly));
  }
  const environment = { NO_COLOR: '', FORCE_COLOR: '1' };
  const json = await admin.run([...list, '--json'], { environment });
  t.notMatch(json.stdout, esc);
  const failed = await admin.run(['tpye'], {
    ...{ stderrIsTerminal: true, environment: { NO_COLOR: '' } },
  });
  t.equal(failed.stderr.split('\n')[0], `${esc}[31merror${esc}[39m: unknown command 'tpye'`);
});

t.test('a name brings no colours of its own', async (t) => {
  const admin = await install(t);
  await admin.json(wildberries);
  admin.sql('UPDATE documents SET id = ?', `x${esc}[31m  ok`);
  const { stdout } = await admin.run(['type', 'list'], {
    ...{ stdoutColumns: 200, environment: { NO_COLOR: '' } },
  });
  t.match(stdout, 'x\\u{1b}[31m');
  t.notMatch(stdout, `${esc}[31m`);
});

t.test('fits tables into a terminal', async (t) => {
  const admin = await install(t);
  await admin.json([...wildberries, '--destination', `https://${'a'.repeat(60)}.example.com`]);
  const narrow = await admin.run(['type', 'list'], { stdoutColumns: 60 });
  for (const line of plain(narrow.stdout).split('\n')) t.ok(line.length <= 60, line);
  t.match(narrow.stdout, '…');
  t.notMatch((await admin.run(['type', 'list'])).stdout, '…');
});
