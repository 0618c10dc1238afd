import { createHash, generateKeyPairSync, randomBytes } from 'node:crypto';
import { chmodSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import t from 'tap';
import { readSettings } from '../../../keyserver/admin/shell/settings.ts';
import { sealSecret } from '../../../keyserver/at-rest/secret.ts';
import type { Check, Finding } from '../../../keyserver/operations/doctor/check.ts';
import { diagnose } from '../../../keyserver/operations/doctor/diagnose.ts';
import { changeDocument } from '../../../keyserver/operations/documents.ts';
import { sealReport } from '../../../keyserver/replicas/report.ts';
import type { Environment } from '../../../shared/settings/config.ts';
import { createAuthority, days } from '../../support/certificates.ts';
import { writeIdentity } from '../../support/identity-files.ts';
import { Installation, install, wildberries } from '../admin/installation.ts';

interface Report {
  /** Names and findings of the checks that are not ok. */
  readonly faults: Record<string, readonly Finding[]>;
  readonly warnings: Record<string, readonly Finding[]>;
}

async function examine(admin: Installation, also: Environment = {}): Promise<Report> {
  const { folder, clock } = admin;
  const settings = readSettings({ environment: { ...admin.environment, ...also }, folder });
  const checks = await diagnose({ ...settings, clock });
  const of = (status: Check['status']) =>
    Object.fromEntries(
      checks
        .filter((check) => check.status === status)
        .map(({ name, findings }) => [name, findings]),
    );
  return { faults: of('fault'), warnings: of('warning') };
}

/** As a marketplace would generate it. */
const secret = randomBytes(24).toString('base64url');

const well = { faults: {}, warnings: {} };
const put = ['token', 'put', '--client', 'shop-1', '--type', 'wildberries'];

/** A type, an app with a grant, a proxy and a token, in order. */
async function installAll(t: Parameters<typeof install>[0]): Promise<Installation> {
  const admin = await install(t);
  await admin.json(wildberries);
  await admin.json(put, { stdin: secret });
  await admin.json(['app', 'create', 'reports']);
  await admin.json(['proxy', 'create', 'dc-1']);
  await admin.json(['grant', 'add', 'reports', '--client', '*', '--type', 'wild*']);
  return admin;
}

t.test('finds nothing if all is well', async (t) => {
  t.same(await examine(await installAll(t)), well);
});

t.test('finds columns of the token table that take no tokens, or only some names', async (t) => {
  const admin = await installAll(t);
  admin.sql('ALTER TABLE storage ADD COLUMN shop TEXT NOT NULL DEFAULT x');
  t.same(await examine(admin), well, 'a default is enough');
  for (const sql of [
    'ALTER TABLE storage RENAME TO before',
    'CREATE TABLE storage (client_id TEXT, token_type INT, token TEXT, shop TEXT NOT NULL)',
    'INSERT INTO storage SELECT client_id, token_type, token, shop FROM before',
  ]) {
    admin.sql(sql);
  }
  t.match(await examine(admin), {
    faults: { 'token table': [/token_type is INT/, /column shop must have a value/] },
  });
});

t.test('warns of unsafe settings', async (t) => {
  const admin = await installAll(t);
  const off = { UNSAFE_A: '0', UNSAFE_B: 'false', UNSAFE_C: '' };
  t.same(await examine(admin, { UNSAFE_UNPINNED_KEY: '1', UNSAFE_OTHER: 'true', ...off }), {
    ...well,
    warnings: { 'unsafe settings': ['UNSAFE_UNPINNED_KEY is set', 'UNSAFE_OTHER is set'] },
  });
});

t.test(
  'finds key files that others can read, and looks at the database all the same',
  async (t) => {
    const admin = await installAll(t);
    const file = join(admin.folder, 'keyring', 'first.key');
    chmodSync(file, 0o644);
    t.same(await examine(admin), {
      warnings: {},
      faults: { keyring: [`KEYRING_DIR: ${file} can be read by others: run chmod o-rwx on it`] },
    });
    admin.sql('DROP TABLE schema_migrations');
    t.match(await examine(admin), {
      faults: { database: [{ problem: /0001_initial is pending/ }] },
    });
  },
);

t.test('checks the RSA keys where their folder is set', async (t) => {
  const admin = await installAll(t);
  const folder = join(admin.folder, 'rsa');
  const environment = { RSA_KEY_DIR: folder };
  t.match(await examine(admin, environment), {
    faults: { 'rsa keys': [/there is no folder/] },
  });
  mkdirSync(folder);
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const pem = privateKey.export({ type: 'pkcs8', format: 'pem' });
  writeFileSync(join(folder, 'one.pem'), pem, { mode: 0o600 });
  writeFileSync(join(folder, 'primary'), 'one\n');
  t.same(await examine(admin, environment), well);
});

t.test('finds a database that is away, not migrated or not configured', async (t) => {
  const admin = new Installation(t);
  t.match(await examine(admin), {
    faults: {
      database: [
        { problem: 'migration 0001_initial is pending', suggestion: { do: 'apply_migrations' } },
        { problem: 'migration 0002_history is pending' },
        { problem: 'migration 0003_replicas is pending' },
        { problem: 'migration 0004_images is pending' },
      ],
    },
  });
  const away = { DB_FILE: join(admin.folder, 'nowhere', 'rows.db') };
  t.match(await examine(admin, away), {
    faults: { database: [/DB_FILE: there is no folder .*nowhere/] },
  });
  t.match(await examine(admin, { DB_TOKEN_TABLE: 'documents' }), {
    faults: { database: [/documents/] },
  });
});

t.test('names each document that does not open', async (t) => {
  const admin = await installAll(t);
  admin.sql("UPDATE documents SET revision = revision + 1 WHERE kind = 'app'");
  admin.sql("UPDATE documents SET body = '{}' WHERE kind = 'proxy'");
  admin.sql("UPDATE documents SET mac = 'x' WHERE kind = 'type'");
  const why = 'does not open: its row was changed, or its key is missing';
  t.match(await examine(admin), {
    faults: {
      documents: [
        `the type "wildberries" ${why}`,
        `the app "reports" ${why}`,
        `the proxy "dc-1" ${why}`,
      ],
    },
  });
});

t.test('finds types that cannot be used, and names unsafe ones', async (t) => {
  const admin = await installAll(t);
  const context = admin.context(t);
  await changeDocument(context, 'type', 'nowhere', () => ({
    destinations: [],
    injection: { scheme: 'query', query: { a: '{b}' } },
  }));
  await changeDocument(context, 'type', 'broken', () => ({
    destinations: ['https://*.com'],
    injection: { scheme: 'query', query: { a: '{b}' } },
    unsafePlaintext: true,
    unsafeAllowPrivate: ['10.0.0.0/8'],
  }));
  await changeDocument(context, 'type', 'inside', () => ({
    destinations: ['https://127.0.0.1'],
    injection: { scheme: 'query', query: { a: '{b}' } },
  }));
  t.same(await examine(admin), {
    faults: {
      types: [
        'the type "broken": destination "https://*.com" has a wildcard over a public suffix or an address',
        'the type "inside": destination "https://127.0.0.1" is an address that calls do not go to (loopback; unsafeAllowPrivate 127.0.0.1/32 allows it)',
        'the type "nowhere" has no destinations, so its tokens are never sent',
      ],
    },
    warnings: {
      'unsafe types': [
        'the type "broken" lets tokens cross the network in clear',
        'the type "broken" may reach 10.0.0.0/8',
      ],
    },
  });
});

t.test('finds grants that match no type', async (t) => {
  const admin = await installAll(t);
  const grant = await admin.json(['grant', 'add', 'reports', '--client', '*', '--type', 'ozon*']);
  t.match(await examine(admin), {
    faults: {
      grants: [`the grant ${grant.id} of the app "reports" matches no type ("ozon*")`],
    },
  });
});

t.test('finds apps and proxies whose keys have all ended', async (t) => {
  const admin = await installAll(t);
  const context = admin.context(t);
  for (const kind of ['app', 'proxy'] as const) {
    const id = kind === 'app' ? 'reports' : 'dc-1';
    await admin.json([kind, 'rotate', id, '--overlap', '1h']);
    const { faults, warnings } = await examine(admin);
    t.same(faults, {}, 'a key that is to end still serves');
    const until = new Date(admin.nowMs + 3_600_000).toISOString();
    t.same(warnings['old keys']?.at(-1), {
      problem: `an old key of the ${kind} "${id}" works until ${until}, and no use of it is known`,
      suggestion: { do: 'end_overlap', kind, id },
    });
    await changeDocument(context, kind, id, (current) => {
      if (current?.content === undefined) throw new Error('gone');
      return { ...current.content, keys: current.content.keys.slice(0, 1) };
    });
  }
  t.same((await examine(admin)).faults, {});
  admin.nowMs += 3_600_000;
  const expired = (kind: string, id: string) => ({
    problem: `all keys of the ${kind} "${id}" have expired`,
    suggestion: { do: 'rotate', kind, id },
  });
  t.match(await examine(admin), {
    faults: { keys: [expired('app', 'reports'), expired('proxy', 'dc-1')] },
  });
});

t.test('finds apps of a file that were given no key', async (t) => {
  const admin = await installAll(t);
  const stdin = 'apps: { new: { grants: [{ client: "*", type: "*" }] } }';
  await admin.json(['apply', '--file', '-'], { stdin });
  t.match((await examine(admin)).faults, {
    keys: [
      { problem: 'the app "new" has no key', suggestion: { do: 'rotate', kind: 'app', id: 'new' } },
    ],
  });
});

t.test('warns of apps that get nowhere: without grants, without a proxy', async (t) => {
  const admin = await installAll(t);
  await admin.json(['app', 'create', 'idle']);
  await admin.json(['app', 'create', 'anonymous']);
  await admin.json(['proxy', 'revoke', 'dc-1', '--yes']);
  const why = 'has no grants, so all its calls are rejected';
  t.same(await examine(admin), {
    ...well,
    warnings: {
      callers: [
        `the app "anonymous" ${why}`,
        `the app "idle" ${why}`,
        {
          problem: 'there is no proxy, so only direct apps can call',
          suggestion: { do: 'create_proxy' },
        },
      ],
    },
  });
});

t.test('warns of grants that match no stored token', async (t) => {
  const admin = await installAll(t);
  const grant = ['grant', 'add', 'reports', '--client', 'shop-2*', '--type', 'wildberries'];
  const { id } = await admin.json(grant);
  t.same(await examine(admin), {
    ...well,
    warnings: { 'unused grants': [`the grant ${id} of the app "reports" matches no stored token`] },
  });
  await admin.json(put.with(3, 'shop-21'), { stdin: secret });
  t.same(await examine(admin), well);
});

t.test('names each token that does not open, fit its type, or last', async (t) => {
  const admin = await installAll(t);
  const { store, keyring } = admin.context(t);
  const seal = (clientId: string, tokenType: string, fields: Record<string, string>) =>
    store.putToken(sealSecret(keyring, { clientId, tokenType }, { fields }));
  await seal('moved-here', 'wildberries', { token: secret });
  admin.sql("UPDATE storage SET client_id = 'moved' WHERE client_id = 'moved-here'");
  await seal('unfilled', 'wildberries', { key: secret });
  await seal('untyped', 'ozon', { token: secret });
  await store.putToken({ clientId: 'garbled', tokenType: 'wildberries', token: 'skt1.first' });
  await admin.json([...put.with(3, 'ended'), '--expires', '2027-03-05'], { stdin: secret });
  admin.nowMs = Date.parse('2027-03-06');
  const name = (client: string, type = 'wildberries') => `client "${client}", type "${type}"`;
  t.same(await examine(admin), {
    faults: {
      tokens: [`${name('garbled')}: does not open`, `${name('moved')}: does not open`],
      'token fields': [
        `${name('unfilled')}: the secret has no field "token", which the type injects`,
        `${name('untyped', 'ozon')}: the type is not defined`,
      ],
      'expired tokens': [`${name('ended')}: expired at 2027-03-05T00:00:00.000Z`],
    },
    warnings: {},
  });
});

t.test('warns of tokens that expire within a month, by the nearest warned day', async (t) => {
  const admin = await installAll(t);
  const at = async (client: string, expiresAt: string) => {
    await admin.json([...put.with(3, client), '--expires', expiresAt], { stdin: secret });
    return `client "${client}", type "wildberries": expires at ${expiresAt}, in less than`;
  };
  await at('in-31-days', '2027-04-04T05:06:07.001Z');
  const [month, week, day] = [
    await at('in-30-days', '2027-04-03T05:06:07.000Z'),
    await at('in-7-days', '2027-03-11T05:06:07.000Z'),
    await at('tomorrow', '2027-03-05T05:06:07.000Z'),
  ];
  t.same(await examine(admin), {
    faults: {},
    warnings: {
      'expiring tokens': [`${month} 30 days`, `${week} 7 days`, `${day} a day`],
    },
  });
});

t.test('warns of secrets that could be guessed, and tells nothing else about them', async (t) => {
  const admin = await installAll(t);
  const { store, keyring } = admin.context(t);
  const password = 'Tr0ub4dor&3!<"';
  await changeDocument(admin.context(t), 'type', 'erp', () => ({
    destinations: ['https://erp.example'],
    injection: { scheme: 'basic', username: '{user}', password: '{password}' },
    publicFields: ['user'],
  }));
  const name = { clientId: 'shop-1', tokenType: 'erp' };
  const fields = { user: 'robot', password, spare: secret };
  await store.putToken(sealSecret(keyring, name, { fields }));
  const { faults, warnings } = await examine(admin);
  t.same(faults, {});
  const [finding, ...others] = warnings['weak secrets'] ?? [];
  t.match(finding, /^client "shop-1", type "erp": the field "password" is as short or regular /);
  t.same(others, []);
  const hash = (algorithm: string) => createHash(algorithm).update(password);
  const parts = [...password].map((_, i) => password.slice(i, i + 3)).slice(0, -2);
  for (const told of [
    ...parts,
    `${password.length}`,
    ...['sha1', 'sha256'].flatMap((one) => [hash(one).digest('hex'), hash(one).digest('base64')]),
  ]) {
    t.notOk(String(finding).includes(told), told);
  }
});

t.test('tells the end of each certificate, and those that cannot be used', async (t) => {
  const admin = await installAll(t);
  admin.nowMs = Date.now();
  const authority = await createAuthority();
  const end = days(20);
  const soon = await authority.issue({ notAfter: end });
  const files = writeIdentity(join(admin.folder, 'tls'), soon, authority.ca);
  const environment = {
    TLS_CERT_FILE: files.cert,
    TLS_KEY_FILE: files.key,
    TLS_CLIENT_CA_FILE: files.cert,
  };
  const found = async (more: Environment = {}) => {
    const { faults, warnings } = await examine(admin, { ...environment, ...more });
    return { faults: faults.certificates, warnings: warnings.certificates };
  };
  const at = `${end.toISOString().slice(0, 19)}.000Z`;
  t.match(await found(), {
    faults: undefined,
    warnings: [
      new RegExp(`^the certificate of TLS_CERT_FILE .* ends on ${at}, in less than 30 days$`),
      /^the certificate of TLS_CLIENT_CA_FILE .* ends on .*, in less than 30 days$/,
    ],
  });
  t.match(await found({ TLS_KEY_FILE: '' }), {
    faults: ['TLS_CERT_FILE and TLS_KEY_FILE must be set together', /ends on/, /ends on/],
  });
  const missing = join(admin.folder, 'none.crt');
  t.match(await found({ TLS_CLIENT_CA_FILE: missing }), {
    faults: [/^TLS_CLIENT_CA_FILE: cannot read .*none\.crt/, /TLS_CERT_FILE/],
  });
  writeFileSync(files.key, (await authority.issue()).key, { mode: 0o600 });
  t.match(await found(), {
    faults: [
      `TLS_KEY_FILE: ${files.key} is not the key of the certificate in ${files.cert}`,
      /TLS_CERT_FILE .* ends on/,
      /TLS_CLIENT_CA_FILE .* ends on/,
    ],
  });
  writeFileSync(files.key, soon.key, { mode: 0o600 });
  admin.nowMs = end.getTime() + 1000;
  t.match(await found(), {
    faults: [
      new RegExp(`^the certificate of TLS_CERT_FILE .* ended on ${at}$`),
      /^the certificate of TLS_CLIENT_CA_FILE .* ended on /,
    ],
  });
  admin.nowMs = days(-30).getTime();
  t.match(await found(), { faults: [/is not valid before \d/, /is not valid before \d/] });
});

t.test('finds two rows of one name', async (t) => {
  const admin = new Installation(t);
  admin.sql('CREATE TABLE storage (client_id TEXT, token_type TEXT, token TEXT)');
  await admin.json(['migrate']);
  await admin.json(wildberries);
  await admin.json(put, { stdin: 'x' });
  admin.sql(
    'INSERT INTO storage (client_id, token_type, token) SELECT client_id, token_type, token FROM storage',
  );
  t.match(await examine(admin), {
    faults: { tokens: ['client "shop-1", type "wildberries": has more than one row'] },
  });
});

t.test("names the earlier system's rows", async (t) => {
  const admin = await installAll(t);
  const row = Buffer.alloc(32, 7).toString('base64');
  const insert = 'INSERT INTO storage (client_id, token_type, token) VALUES (?, ?, ?)';
  admin.sql(insert, 'shop-2', 'wildberries', row);
  admin.sql(insert, 'shop-3', 'wildberries', row);
  t.same(await examine(admin), {
    ...well,
    warnings: {
      'legacy rows': [
        'client "shop-2", type "wildberries": written by the earlier system, without authentication: served only with UNSAFE_LEGACY_ROWS=1',
        'client "shop-3", type "wildberries": written by the earlier system, without authentication: served only with UNSAFE_LEGACY_ROWS=1',
        { problem: 'they can be sealed', suggestion: { do: 'check_legacy_rows' } },
      ],
    },
  });
});

t.test("counts the earlier system's rows beyond twenty", async (t) => {
  const admin = await installAll(t);
  const row = Buffer.alloc(32, 7).toString('base64');
  for (let i = 0; i < 23; i += 1) {
    admin.sql("INSERT INTO storage VALUES (?, 'wildberries', ?)", `more-${i}`, row);
  }
  const { warnings } = await examine(admin);
  t.equal(warnings['legacy rows']?.length, 21);
  t.match(warnings['legacy rows']?.at(-1), { problem: 'and 3 rows more' });
});

t.test("warns of KeyServers whose clock is another than this machine's", async (t) => {
  const admin = await installAll(t);
  const { store, keyring } = admin.context(t);
  let beat = 0;
  const report = (host: string, now: number | undefined, stopped = false, id = host) => {
    beat += 1;
    const keys = { primary: keyring.primaryId, since: 0, keys: keyring.ids };
    return store.putReplica(
      sealReport(keyring, id, beat, {
        ...{ instance: host, host, workers: 1, version: '1', history: '', seq: 0 },
        ...{ atRest: keys, rsa: keys, stopped },
        ...(now !== undefined && { now }),
      }),
    );
  };
  await report('earlier', undefined);
  await report('right', admin.nowMs - 5000);
  await report('stopped', 0, true);
  await report('dead', 0);
  await report('late', admin.nowMs - 20_000);
  const age = (host: string, seconds: string) =>
    admin.sql('UPDATE replicas SET seen_at = seen_at - ? WHERE id = ?', seconds, host);
  age('dead', '31');
  age('late', '20');
  t.same(await examine(admin), well);
  await report('ahead', admin.nowMs + 86_400_000);
  await report('ahead', admin.nowMs + 86_401_000, false, 'its other worker');
  await report('behind', admin.nowMs - 60_000);
  const sentence = (how: string, host: string) =>
    new RegExp(`^this machine's clock is ${how} that of the KeyServer ${host}, which judges`);
  const { faults, warnings } = await examine(admin);
  t.same(faults, {});
  // The age of a report is told by the database's clock, which goes on.
  t.equal(warnings.clocks?.length, 2, 'one a host');
  t.match(warnings.clocks?.toSorted(), [
    sentence('(60|5\\d) seconds ahead of', 'behind'),
    sentence('86,40\\d seconds behind', 'ahead'),
  ]);
  const rotated = await admin.run(['app', 'rotate', 'reports', '--overlap', '1h']);
  t.equal(rotated.code, 0);
  t.match(rotated.stderr, /^warning: this machine's clock is .* when keys and tokens end/m);
  t.notMatch((await admin.run(['app', 'rotate', 'reports', '--yes'])).stderr, 'warning');
  await report('behind', admin.nowMs);
  await report('ahead', admin.nowMs);
  await report('ahead', admin.nowMs, false, 'its other worker');
  t.same(await examine(admin), well);
  admin.sql('DROP TABLE replicas');
  t.equal((await admin.run(['app', 'rotate', 'reports', '--overlap', '1h'])).code, 0);
});

t.test('takes a change of others, which holds up its own, for no fault', async (t) => {
  const admin = await installAll(t);
  const other = new DatabaseSync(join(admin.folder, 'rows.db'));
  other.exec('BEGIN IMMEDIATE');
  t.same(await examine(admin, { DB_TIMEOUT_MS: '50' }), well);
  other.exec('ROLLBACK');
  other.close();
});

t.test('says that the database went away in between', async (t) => {
  const admin = await installAll(t);
  admin.sql('DROP TABLE documents');
  t.match(await examine(admin), { faults: { database: [/The schema is missing/] } });
});

t.test('one missing key is one finding, however much needs it', async (t) => {
  const admin = await installAll(t);
  for (const client of ['shop-2', 'shop-3']) {
    await admin.json(['token', 'put', '--client', client, '--type', 'wildberries'], {
      stdin: secret,
    });
  }
  const folder = admin.environment.KEYRING_DIR ?? '';
  writeFileSync(join(folder, 'second.key'), randomBytes(32), { mode: 0o600 });
  writeFileSync(join(folder, 'primary'), 'second\n');
  rmSync(join(folder, 'first.key'));
  const { faults } = await examine(admin);
  t.match(faults['missing keys'], [
    /^3 tokens, 3 documents and 4 before-images need the key "first", such as the app "[^"]+": bring first\.key back/,
  ]);
  t.equal(faults.documents, undefined);
  t.equal(faults.tokens, undefined);
});
