import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import t from 'tap';
import { openSecret, sealSecret } from '../../../keyserver/at-rest/secret.ts';
import { restore as restoreBackup } from '../../../keyserver/operations/backup/restore.ts';
import { openSqliteStore } from '../../../keyserver/store/sqlite/sqlite.ts';
import type { Store } from '../../../keyserver/store/store.ts';
import type { Environment } from '../../../shared/settings/config.ts';
import { scratchDatabase, testTimeoutMs } from '../../support/database.ts';
import { type Installation, install, wildberries, writeKeyring } from './installation.ts';

type Test = Parameters<typeof install>[0];

const secret = randomBytes(24).toString('base64url');
const backup = ['backup', 'b'];
const restore = ['restore', 'b'];

/** Types, apps, proxies, grants and tokens. */
async function installAll(t: Test): Promise<Installation> {
  const admin = await install(t);
  await admin.json(wildberries);
  await admin.json(['app', 'create', 'reports']);
  await admin.json(['proxy', 'create', 'dc-1']);
  await admin.json(['grant', 'add', 'reports', '--client', '*', '--type', 'wild*']);
  const rows = Array.from({ length: 700 }, (_, n) =>
    JSON.stringify({ client: `shop-${n}`, type: 'wildberries', secret: `${secret}${n}` }),
  );
  await admin.json(['token', 'import'], { stdin: rows.join('\n') });
  return admin;
}

/** Environment of another, empty database with the same keyring. */
async function emptied(admin: Installation, name = 'other.db') {
  const environment = { DB_FILE: join(admin.folder, name) };
  await admin.json(['migrate'], { environment });
  return environment;
}

function storeAt(t: Test, file: string): Store {
  const store = openSqliteStore({ file, tokenTable: 'storage', timeoutMs: testTimeoutMs });
  t.teardown(() => store.close());
  return store;
}

function mysqlEnvironment(options: Awaited<ReturnType<typeof scratchDatabase>>) {
  const { host, port, user, password, database } = options;
  return {
    ...{ DB_FILE: '', DB_HOST: host, DB_PORT: String(port), DB_NAME: database },
    ...{ DB_USER: user, DB_PASSWORD: password, DB_TIMEOUT_MS: '10000' },
  };
}

async function contents(admin: Installation, environment = {}) {
  const all: Record<string, unknown> = {};
  for (const command of ['type list', 'app list', 'proxy list', 'grant list', 'token list']) {
    all[command] = await admin.json(command.split(' '), { environment });
  }
  return all;
}

t.test(
  'restores in an empty database what was backed up, on either kind of database',
  async (t) => {
    const admin = await installAll(t);
    const before = await contents(admin);
    const { code, stdout, stderr } = await admin.run(backup);
    t.equal(code, 0, stderr);
    t.equal(stdout, 'backed up 700 tokens and 3 documents to b\n');
    const text = readFileSync(join(admin.folder, 'b'), 'utf8');
    t.equal(statSync(join(admin.folder, 'b')).mode & 0o777, 0o600);
    t.notMatch(text, secret);
    t.match(await admin.failure(backup), { exit: 74, message: /exists already/ });
    t.same(
      readdirSync(admin.folder).filter((name) => name.endsWith('.part')),
      [],
    );
    const mysql = mysqlEnvironment(await scratchDatabase(t));
    await admin.json(['migrate'], { environment: mysql });
    for (const environment of [await emptied(admin), mysql]) {
      const restored = await admin.run(restore, { environment });
      t.equal(restored.code, 0, restored.stderr);
      t.equal(restored.stdout, 'restored 700 tokens and 3 documents of 2027-03-04T05:06:07.000Z\n');
      t.same(await contents(admin, environment), before);
      t.match(await admin.json(['doctor'], { environment }), { ok: true });
      t.match(await admin.json(restore, { environment }), { tokens: 700 }, 'the same again');
      t.same(await contents(admin, environment), before);
    }
    await admin.run(['backup', 'from-mysql'], { environment: mysql });
    const third = await emptied(admin, 'third.db');
    t.match(await admin.json(['restore', 'from-mysql'], { environment: third }), { broken: 0 });
    t.same(await contents(admin, third), before);
  },
);

t.test('begins a new history, so that running KeyServers and proxies follow', async (t) => {
  const admin = await installAll(t);
  const { store } = admin.context(t);
  const before = await store.position();
  await admin.json(backup);
  admin.sql('DELETE FROM storage');
  admin.sql('DELETE FROM documents');
  await admin.json(restore);
  const after = await store.position();
  t.not(after.history, before.history);
  t.ok(after.seq > before.seq);
  t.ok((await store.documents()).every(({ revision }) => revision > before.seq));
});

t.test('refuses another keyring before it writes anything', async (t) => {
  const admin = await installAll(t);
  writeKeyring(join(admin.folder, 'second'), 'second');
  await admin.json(backup);
  const empty = await emptied(admin);
  const nothing = await contents(admin, empty);
  for (const [keyring, kid, message] of [
    ['lacking', 'elsewhere', /another keyring: the keyring lacks the key first$/],
    ['renamed', 'first', /another keyring: the key first is another one$/],
  ] as const) {
    writeKeyring(join(admin.folder, keyring), kid);
    const environment = { ...empty, KEYRING_DIR: join(admin.folder, keyring) };
    const refused = await admin.failure(restore, { environment });
    t.match(refused, { exit: 1, code: 'integrity_failed', message, hint: /nothing was changed/ });
    t.same(await contents(admin, empty), nothing);
  }
  // A rotation: rows of the first key, and a backup by the second.
  const both = join(admin.folder, 'both');
  writeKeyring(both, 'second');
  const first = readFileSync(join(admin.folder, 'keyring/first.key'));
  writeFileSync(join(both, 'first.key'), first, { mode: 0o600 });
  await admin.json(['backup', 'rotated'], { environment: { KEYRING_DIR: both } });
  const onlySecond = join(admin.folder, 'only-second');
  writeKeyring(onlySecond, 'second');
  writeFileSync(join(onlySecond, 'second.key'), readFileSync(join(both, 'second.key')), {
    mode: 0o600,
  });
  const environment = { ...empty, KEYRING_DIR: onlySecond };
  t.match(await admin.failure(['restore', 'rotated'], { environment }), {
    ...{ exit: 1, code: 'integrity_failed', message: /lacks the key first/ },
    hint: /bring first\.key of that time \(see retired\/\) into KEYRING_DIR .* keep primary/,
  });
  writeFileSync(join(onlySecond, 'first.key'), randomBytes(32), { mode: 0o600 });
  t.match(await admin.failure(['restore', 'rotated'], { environment }), {
    ...{ exit: 1, code: 'integrity_failed', message: /or has another of this name/ },
  });
  t.same(await contents(admin, empty), nothing);
  writeFileSync(join(onlySecond, 'first.key'), first);
  t.match(await admin.json(['restore', 'rotated'], { environment }), { tokens: 700, broken: 0 });
});

t.test(
  'refuses a file that is cut off or altered anywhere, before it writes anything',
  async (t) => {
    const admin = await installAll(t);
    await admin.json(backup);
    const whole = readFileSync(join(admin.folder, 'b'), 'utf8');
    const lines = whole.split('\n');
    const changed = (at: number, from: string | RegExp, to: string) => {
      const line = lines[at] ?? '';
      t.not(line.replace(from, to), line, 'a change');
      return lines.with(at, line.replace(from, to)).join('\n');
    };
    const footer = lines.length - 3;
    const without = (...at: number[]) => lines.filter((_, i) => !at.includes(i)).join('\n');
    const altered = /truncated or altered/;
    const environment = await emptied(admin);
    const nothing = await contents(admin, environment);
    for (const [what, text, message] of [
      ['nothing', '', /is no backup/],
      ['another file', 'client,type,secret\n', /is no backup/],
      ['a half', whole.slice(0, whole.length / 2), altered],
      ['at a line', `${lines.slice(0, 100).join('\n')}\n`, altered],
      ['without the last MAC', without(footer + 1), altered],
      ['without a footer', without(footer), altered],
      ['the header alone', `${lines[0]}\n`, altered],
      ['a header and its MAC', `${lines.slice(0, 2).join('\n')}\n`, altered],
      ['a token less', without(9), altered],
      ['a document less', without(2), altered],
      [
        'two lines swapped',
        lines.with(8, `${lines[9]}`).with(9, `${lines[8]}`).join('\n'),
        altered,
      ],
      ['a token of another client', changed(9, /"client":"/, '"client":"x'), altered],
      ['an older time', changed(0, '2027', '2026'), /the key first is another one/],
      ['a longer number of tokens', changed(footer, '700', '701'), altered],
      ['no keys', changed(footer, '"first"', ''), altered],
      ['a line after the end', `${whole}${lines[9]}\n`, altered],
      ['another backup after the end', `${whole}${whole}`, altered],
      ['a space in a line', changed(9, '{', '{ '), altered],
      ['a MAC of another place', lines.with(footer + 1, `${lines[1]}`).join('\n'), altered],
    ] as const) {
      writeFileSync(join(admin.folder, 'altered'), text);
      const refused = await admin.failure(['restore', 'altered'], { environment });
      t.match(refused, { message, hint: /nothing was changed|name one/ }, what);
    }
    t.same(await contents(admin, environment), nothing);
    t.match(await admin.failure(['restore', 'nowhere'], { environment }), {
      ...{ exit: 2, message: 'cannot read the file nowhere (ENOENT)' },
    });
  },
);

t.test('restores over other rows only if it is told to', async (t) => {
  const admin = await installAll(t);
  await admin.json(backup);
  const environment = await emptied(admin);
  const run = (argv: string[], stdin = '') => admin.json(argv, { environment, stdin });
  await run(wildberries.with(4, 'https://other.example.com'));
  const hint = /restore into an empty database, or add --merge/;
  t.match(await admin.failure(restore, { environment }), { exit: 2, hint }, 'another document');
  await run(['type', 'delete', 'wildberries', '--yes']);
  await run(wildberries);
  const database = new DatabaseSync(environment.DB_FILE);
  t.teardown(() => database.close());
  database.exec("INSERT INTO documents SELECT kind, 'x', revision, kid, body, mac FROM documents");
  t.match(await admin.failure(restore, { environment }), { exit: 2, hint }, 'one does not open');
  database.exec("DELETE FROM documents WHERE id = 'x'");
  const put = ['token', 'put', '--client', 'shop-1', '--type', 'wildberries'];
  await run(put, `${secret}x`);
  t.match(await admin.failure(restore, { environment }), { exit: 2, hint }, 'another token');
  await run(['token', 'delete', ...put.slice(2)]);
  await run(put.with(3, 'stranger'), secret);
  t.match(await admin.failure(restore, { environment }), { exit: 2, hint }, 'one more token');
  await run(['app', 'create', 'stays']);
  await run(put, `${secret}x`);
  t.match(await run([...restore, '--merge']), { tokens: 700, documents: 3 });
  const tokens = (await run(['token', 'list'])) as { client: string }[];
  t.equal(tokens.length, 701);
  t.same(
    (await run(['app', 'list'])).map(({ id }: { id: string }) => id),
    ['reports', 'stays'],
  );
  t.match(await run(['doctor']), { ok: true });
});

t.test('backs up rows that do not open as they lie, and tells of them', async (t) => {
  const admin = await installAll(t);
  admin.sql("UPDATE storage SET client_id = 'moved' WHERE client_id = 'shop-7'");
  admin.sql("UPDATE documents SET kid = 'lost' WHERE kind = 'proxy'");
  const { code, stdout } = await admin.run(backup);
  t.equal(code, 1);
  t.match(stdout, /; 2 rows did not open or shared a name: see doctor/);
  const environment = await emptied(admin);
  const restored = await admin.run([...restore, '--json'], { environment });
  t.equal(restored.code, 1);
  t.match(JSON.parse(restored.stdout), { tokens: 700, documents: 2, broken: 2 });
});

t.test('restores the very bytes that it verified, and no pipe', async (t) => {
  const admin = await installAll(t);
  await admin.json(backup);
  const environment = await emptied(admin);
  execFileSync('mkfifo', [join(admin.folder, 'pipe')]);
  for (const name of ['pipe', '.']) {
    t.match(await admin.failure(['restore', name], { environment }), {
      ...{ exit: 2, code: 'input_invalid', message: `${name} is not a regular file` },
    });
  }
  const whole = readFileSync(join(admin.folder, 'b'), 'utf8');
  await admin.json(['token', 'delete', '--client', 'shop-7', '--type', 'wildberries']);
  await admin.json(['backup', 'another']);
  const context = admin.context(t);
  const { history } = await context.store.position();
  for (const later of [
    whole.split('\n').toSpliced(9, 1).join('\n'),
    whole.slice(0, whole.length / 2),
    readFileSync(join(admin.folder, 'another'), 'utf8'),
  ]) {
    let passes = 0;
    const source = async function* () {
      passes += 1;
      yield Buffer.from(passes === 1 ? whole : later);
    };
    await t.rejects(restoreBackup(context, source, { merge: true }), { code: 'changed_meanwhile' });
    t.equal((await context.store.position()).history, history, 'and it goes no further');
  }
});

t.test('mixes with nothing that others write meanwhile, such as another restore', async (t) => {
  const admin = await installAll(t);
  await admin.json(backup);
  const whole = readFileSync(join(admin.folder, 'b'));
  const put = ['token', 'put', '--client', 'shop-7', '--type', 'wildberries'];
  await admin.json(put, { stdin: `${secret}other` });
  await admin.json(['token', 'delete', '--client', 'shop-8', '--type', 'wildberries']);
  await admin.json(['backup', 'another']);
  const writes: Record<string, (environment: Environment) => Promise<unknown>> = {
    'a restore of another backup': (environment) =>
      admin.json(['restore', 'another'], { environment }),
    'a type': (environment) =>
      admin.json([...wildberries, '--cache-seconds', '1'], { environment }),
    'a token': async (environment) => {
      await admin.json(wildberries, { environment });
      await admin.json([...put.slice(0, 3), 'new', ...put.slice(4)], {
        environment,
        stdin: secret,
      });
    },
  };
  for (const [what, write] of Object.entries(writes)) {
    const environment = await emptied(admin, `${randomBytes(4).toString('hex')}.db`);
    const store = storeAt(t, environment.DB_FILE);
    const { history } = await store.position();
    let passes = 0;
    const source = async function* () {
      passes += 1;
      // The first verifies, and the next are read to be stored.
      if (passes === 2) await write(environment);
      yield whole;
    };
    const running = restoreBackup({ ...admin.context(t), store }, source);
    await t.rejects(running, { code: 'changed_meanwhile' }, what);
    const apps = await admin.json(['app', 'list'], { environment });
    t.equal(apps.length, what.startsWith('a restore') ? 1 : 0, 'no document of this backup');
    if (!what.startsWith('a restore')) t.equal((await store.position()).history, history);
  }
});

t.test('does not succeed if others write documents while it restores its own', async (t) => {
  const admin = await installAll(t);
  await admin.json(backup);
  const environment = await emptied(admin, 'other.db');
  const store = storeAt(t, environment.DB_FILE);
  const newHistory: Store['newHistory'] = async (...begun) => {
    await admin.json(['app', 'create', 'of-others'], { environment });
    return store.newHistory(...begun);
  };
  const running = restoreBackup(
    { ...admin.context(t), store: { ...store, newHistory } },
    async function* () {
      yield readFileSync(join(admin.folder, 'b'));
    },
  );
  await t.rejects(running, { code: 'changed_meanwhile' });
});

t.test('leaves out tokens that share a name, and counts what nobody can use', async (t) => {
  const admin = await installAll(t);
  admin.sql('ALTER TABLE storage RENAME TO keyed');
  admin.sql('CREATE TABLE storage AS SELECT * FROM keyed');
  admin.sql("INSERT INTO storage SELECT * FROM keyed WHERE client_id IN ('shop-7', 'shop-8')");
  admin.sql("INSERT INTO storage SELECT * FROM keyed WHERE client_id = 'shop-7'");
  const backedUp = await admin.run([...backup, '--json']);
  t.equal(backedUp.code, 1);
  t.match(JSON.parse(backedUp.stdout), { tokens: 703, broken: 5 });
  const environment = await emptied(admin);
  for (const argv of [restore, restore, [...restore, '--merge']]) {
    const { code, stdout } = await admin.run([...argv, '--json'], { environment });
    t.equal(code, 1);
    t.match(JSON.parse(stdout), { tokens: 698, documents: 3, broken: 5 });
  }
  const stored = await admin.json(['token', 'list'], { environment });
  t.equal(stored.length, 698);
  t.notOk(stored.some(({ client }: { client: string }) => client === 'shop-7'));
});

t.test('counts no document that a merge has mended', async (t) => {
  const admin = await installAll(t);
  await admin.json(backup);
  await admin.json(['proxy', 'create', 'dc-2']);
  admin.sql("UPDATE documents SET kid = 'lost' WHERE kind = 'proxy'");
  const { code, stdout } = await admin.run([...restore, '--merge', '--json']);
  t.equal(code, 1);
  t.match(JSON.parse(stdout), { documents: 3, broken: 1 }, 'dc-2 stays broken');
});

t.test('exports sealed rows, which an import takes with the same keyring', async (t) => {
  const admin = await installAll(t);
  t.match(await admin.failure(['token', 'export']), { exit: 2, hint: 'add --sealed' });
  const { stdout } = await admin.run(['token', 'export', '--sealed', '--client', 'shop-7']);
  t.equal(stdout.split('\n').length, 2);
  t.match(JSON.parse(stdout), { client: 'shop-7', type: 'wildberries', sealed: /^skt1\.first\./ });
  const exported = ['token', 'export', '--sealed', '--out', 'rows.jsonl'];
  t.match(await admin.json(exported), { rows: 700 });
  t.equal(statSync(join(admin.folder, 'rows.jsonl')).mode & 0o777, 0o600);
  const text = readFileSync(join(admin.folder, 'rows.jsonl'), 'utf8');
  t.notMatch(text, secret);
  const environment = await emptied(admin);
  await admin.json(wildberries, { environment });
  const importing = ['token', 'import', '--file', 'rows.jsonl'];
  t.match(await admin.json(importing, { environment }), { added: 700 });
  t.match(await admin.json(importing, { environment }), { unchanged: 700 });
  const { keyring } = admin.context(t);
  const row = JSON.parse(stdout);
  t.same(
    openSecret(keyring, { clientId: row.client, tokenType: row.type, token: row.sealed }).fields,
    { token: `${secret}7` },
  );
  const moved = JSON.stringify({ ...row, client: 'shop-8' });
  t.match(await admin.failure(['token', 'import'], { stdin: moved, environment }), {
    message: /line 1: sealed does not open/,
  });
});

t.test('exports exactly the rows that an import takes, and tells of the others', async (t) => {
  const admin = await install(t);
  await admin.json(wildberries);
  const { store, keyring } = admin.context(t);
  const unseen = { clientId: 'shop\u200b', tokenType: 'wildberries' };
  const fields = { token: secret, more: 'x'.repeat(450_000) };
  await store.putToken(sealSecret(keyring, unseen, { fields }));
  await store.putToken({ ...unseen, clientId: 'earlier', token: 'AAAA' });
  const exporting = ['token', 'export', '--sealed'];
  const { code, stdout, stderr } = await admin.run(exporting);
  t.equal(code, 1);
  t.match(stderr, 'left out because they are not sealed: 1 row');
  const filed = await admin.run([...exporting, '--out', 'rows.jsonl', '--json']);
  t.equal(filed.code, 1);
  t.match(JSON.parse(filed.stdout), { rows: 1, leftOut: 1 });
  const environment = await emptied(admin);
  await admin.json(wildberries, { environment });
  const importing = ['token', 'import'];
  t.match(await admin.json(importing, { environment, stdin: stdout }), { added: 1 });
  const stdin = JSON.stringify({ client: unseen.clientId, type: unseen.tokenType, secret });
  t.match(await admin.json(importing, { environment, stdin }), { replaced: 1 });
});
