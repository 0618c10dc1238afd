import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { type Installation, install, type RunOptions, wildberries } from './installation.ts';

const canary = `canary-${randomBytes(24).toString('hex')}`;

/** The canary as it could show: as it is, in hex, and in base64 at each of the three offsets. */
const forms = [
  canary,
  Buffer.from(canary).toString('hex'),
  ...[0, 1, 2].map((offset) => {
    const text = Buffer.from(' '.repeat(offset) + canary).toString('base64');
    // Without the characters that neighbouring bytes share.
    return text.slice(4, -4);
  }),
];

function shows(text: string): boolean {
  const lower = text.toLowerCase();
  return forms.some((form) => text.includes(form) || lower.includes(form.toLowerCase()));
}

t.test('would find the canary in every form', async (t) => {
  for (const around of ['', 'a', 'ab', 'abc']) {
    const bytes = Buffer.from(`${around}${canary}${around}`);
    t.ok(shows(bytes.toString()));
    t.ok(shows(bytes.toString('hex').toUpperCase()));
    t.ok(shows(bytes.toString('base64')));
    t.ok(shows(bytes.toString('base64url')));
  }
  t.notOk(shows('canary'));
});

/** Runs a command in both forms of output; returns all that it printed. */
async function printed(
  admin: Installation,
  argv: readonly string[],
  options?: RunOptions,
): Promise<string> {
  const human = await admin.run(argv, options);
  const json = await admin.run([...argv, '--json'], options);
  return [human, json].map(({ stdout, stderr }) => stdout + stderr).join('');
}

t.test('prints a stored secret nowhere, whatever is asked or wrong', async (t) => {
  const admin = await install(t);
  await admin.json(wildberries);
  const name = ['--client', 'shop-1', '--type', 'wildberries'];
  const put = ['token', 'put', ...name];
  const all: string[] = [];
  const run = async (argv: readonly string[], options?: RunOptions) => {
    all.push(await printed(admin, argv, options));
  };
  writeFileSync(join(admin.folder, 'secret'), canary);
  mkdirSync(join(admin.folder, 'folder'));
  // Secrets that are stored.
  await run(put, { stdin: canary });
  await run(put, { stdin: `${canary}\n`, stdinIsTerminal: true });
  await run(put, { stdin: JSON.stringify({ token: canary, x: canary }) });
  await run([...put, '--file', 'secret', '--expires', '2027-03-05']);
  // Secrets that are refused.
  await run(put, { stdin: `${canary}\n${canary}` });
  await run(put, { stdin: `{"token":"${canary}` });
  await run(put, { stdin: `{"token":["${canary}"]}` });
  await run(put, { stdin: `{"${canary} ":"x"}` });
  await run(put, { stdin: `{"key":"${canary}"}` });
  await run(put, { stdin: Buffer.concat([Buffer.from(canary), Buffer.of(0xff)]) });
  await run(put, { stdin: canary.repeat(2000) });
  await run(['token', 'put', '--client', 'a', '--type', 'none'], { stdin: canary });
  await run([...put, '--expires', '2020-01-01'], { stdin: canary });
  await run([...put, '--file', 'folder']);
  // Secrets where no secret belongs.
  await run([...put, '--secret', canary]);
  await run([...put, `--secret=${canary}`]);
  await run([...put, `--token=${canary}\n${canary}`]);
  await run([...put, `-s${canary}`]);
  await run([...put, canary]);
  await run(['token', canary]);
  await run([...put, '--file', canary]);
  // Everything that reads it.
  await admin.json(['app', 'create', 'reports']);
  await admin.json(['grant', 'add', 'reports', '--client', '*', '--type', '*']);
  for (const argv of [
    ['token', 'list'],
    ['token', 'show', ...name],
    ['type', 'list'],
    ['type', 'show', 'wildberries'],
    ['doctor'],
    ['explain', '--app', 'reports', ...name, '--url', 'https://api.example.com/'],
  ]) {
    await run(argv);
  }
  admin.nowMs = Date.parse('2028-01-01');
  await run(['doctor']);
  await admin.json([
    'type',
    'put',
    'wildberries',
    '--destination',
    'https://a.example',
    '--query',
    'a={other}',
    '--yes',
  ]);
  await run(['doctor']);
  admin.sql("UPDATE storage SET client_id = 'moved'");
  await run(['doctor']);
  await run(['token', 'list']);
  const withCanary = all.filter(shows);
  t.same(withCanary, []);
  t.ok(all.every((text) => text !== ''));
});

t.test('leaves nothing of a secret readable in the database', async (t) => {
  const admin = await install(t);
  await admin.json(wildberries);
  const put = ['token', 'put', '--client', 'shop-1', '--type', 'wildberries'];
  await admin.json(put, { stdin: canary });
  const { key } = await admin.json(['app', 'create', 'reports']);
  const database = readFileSync(join(admin.folder, 'rows.db'), 'latin1');
  t.match(database, 'skt1.first.');
  t.notOk(shows(database));
  t.notMatch(database, key);
});
