import t from 'tap';
import { Installation, install, wildberries } from './installation.ts';

t.test('says that all is well', async (t) => {
  const admin = await install(t);
  await admin.json(wildberries);
  const put = ['token', 'put', '--client', 'shop-1', '--type', 'wildberries'];
  await admin.json(put, { stdin: 'k3X9pQ7vLm2RtY8wZb4N' });
  await admin.json(['app', 'create', 'reports']);
  await admin.json(['proxy', 'create', 'dc-1']);
  await admin.json(['grant', 'add', 'reports', '--client', '*', '--type', 'wild*']);
  t.match(await admin.json(['doctor']), { ok: true });
  const { code, stdout } = await admin.run(['doctor']);
  t.equal(code, 0);
  t.match(stdout, /^CHECK +STATUS +WHAT\nsettings +ok +complete\n/);
  t.match(stdout, /\nkeyring +ok +primary key first\n/);
  t.match(stdout, /\ndocuments +ok +1 type, 1 app, 1 proxy\n/);
  t.match(stdout, /\ntokens +ok +1 row\n/);
  t.match(stdout, /\nall is well\n$/);
});

t.test('names every setting that cannot be used', async (t) => {
  const admin = new Installation(t);
  const environment = { DB_FILE: '', KEYRING_DIR: '', DB_PORT: 'x' };
  const { code, stdout } = await admin.run(['doctor'], { environment });
  t.equal(code, 1);
  t.match(stdout, /settings +fault/);
  t.match(stdout, /- KEYRING_DIR must be set/);
  t.match(stdout, /- DB_PORT must be integer/);
  t.match(stdout, /\n1 check found faults: exit code 1\n$/);
});

t.test('warns of a misspelt setting, with exit code 0', async (t) => {
  const admin = await install(t);
  const { code, stdout } = await admin.run(['doctor'], { environment: { DB_FILES: 'x' } });
  t.equal(code, 0);
  t.match(stdout, /settings +warning +complete\n {2}- DB_FILES is not a setting/);
  t.match(stdout, /\nno faults, 1 check found warnings: exit code 0\n$/);
});

t.test('prints a screen of findings, and with --all the rest', async (t) => {
  const admin = await install(t);
  await admin.json(wildberries);
  for (let shop = 1; shop <= 7; shop++) {
    const put = ['token', 'put', '--client', `shop-${shop}`, '--type', 'wildberries'];
    await admin.json(put, { stdin: 'opaque-words' });
  }
  admin.sql("UPDATE storage SET client_id = 'x' || client_id");
  const findings = (text: string) => text.match(/^ {2}- client "xshop-\d".*$/gm)?.length;
  const { code, stdout } = await admin.run(['doctor']);
  t.equal(code, 1);
  t.equal(findings(stdout), 5);
  t.match(
    stdout,
    /\ntokens +fault +7 rows\n(?: {2}- client .*\n){5} {2}- and 2 more: keyserver-admin doctor --all\n/,
  );
  const all = await admin.run(['doctor', '--all']);
  t.equal(findings(all.stdout), 7);
  t.notMatch(all.stdout, ' more: ');
  const { checks } = JSON.parse((await admin.run(['doctor', '--json'])).stdout);
  t.equal(checks.find(({ name }: { name: string }) => name === 'tokens').findings.length, 7);
});

t.test('prints a finding with the command that mends it', async (t) => {
  const admin = new Installation(t);
  const findings = ['0001_initial', '0002_history', '0003_replicas', '0004_images'].map(
    (name) => `migration ${name} is pending; run keyserver-admin migrate`,
  );
  const { code, stdout } = await admin.run(['doctor']);
  t.equal(code, 1);
  t.match(stdout, `\n  - ${findings.join('\n  - ')}\n1 check found faults: exit code 1\n`);
  const { stdout: json } = await admin.run(['doctor', '--json']);
  t.match(JSON.parse(json), { ok: false, checks: [{}, {}, {}, {}, { findings }] });
});
