import { createHash } from 'node:crypto';
import t from 'tap';
import { createApp } from '../../../keyserver/operations/callers.ts';
import { listDocuments } from '../../../keyserver/operations/documents.ts';
import { callerKeyHash, isCallerKey } from '../../../shared/crypto/caller-key.ts';
import { install, startMs } from './installation.ts';

const at = (ms: number) => new Date(startMs + ms).toISOString();
const hour = 3_600_000;

for (const [kind, prefix] of [
  ['app', 'spk_'],
  ['proxy', 'spx_'],
] as const) {
  t.test(
    `prints the key of a new ${kind} once, alone on stdout, and stores its hash`,
    async (t) => {
      const admin = await install(t);
      const { code, stdout, stderr } = await admin.run([kind, 'create', 'one']);
      t.equal(code, 0);
      const key = stdout.trimEnd();
      t.equal(stdout, `${key}\n`);
      t.ok(isCallerKey(key, prefix));
      t.equal(stderr, `created the ${kind} one; its key is shown only this once\n`);
      const [document] = await listDocuments(admin.context(t), kind);
      t.same(document?.content?.keys, [{ hash: callerKeyHash(key), createdAt: at(0) }]);
      const listed = await admin.run([kind, 'list', '--json']);
      t.notMatch(listed.stdout, callerKeyHash(key));
    },
  );

  t.test(`does not make a ${kind} anew that exists`, async (t) => {
    const admin = await install(t);
    await admin.json([kind, 'create', 'one']);
    const before = await listDocuments(admin.context(t), kind);
    t.match(await admin.failure([kind, 'create', 'one']), { exit: 2, code: 'already_exists' });
    t.match(await admin.failure([kind, 'create', '']), { exit: 2, code: 'input_invalid' });
    t.same(await listDocuments(admin.context(t), kind), before);
  });

  t.test(`rotates the key of a ${kind}: the old one stops at once`, async (t) => {
    const admin = await install(t);
    await admin.json([kind, 'create', 'one']);
    admin.nowMs += hour;
    const { stdout, stderr } = await admin.run([kind, 'rotate', 'one', '--yes']);
    t.ok(isCallerKey(stdout.trimEnd(), prefix));
    t.match(stderr, 'the old key of one has expired');
    const [document] = await listDocuments(admin.context(t), kind);
    t.same(document?.content?.keys, [
      { hash: callerKeyHash(stdout.trimEnd()), createdAt: at(hour) },
    ]);
  });

  t.test(
    `leaves the old key of a ${kind} an overlap that later rotations never put off`,
    async (t) => {
      const admin = await install(t);
      await admin.json([kind, 'create', 'one']);
      await admin.json([kind, 'rotate', 'one', '--overlap', '2h']);
      const keys = async () => {
        const [{ keys: shown }] = await admin.json([kind, 'list']);
        return shown.map(({ fingerprint, ...rest }: { fingerprint: string }) => {
          t.match(fingerprint, /^[\w-]{8}$/);
          return rest;
        });
      };
      t.same(await keys(), [
        { createdAt: at(0), expiresAt: at(2 * hour) },
        { createdAt: at(0), expiresAt: null },
      ]);
      admin.nowMs += hour;
      await admin.json([kind, 'rotate', 'one', '--overlap', '7d']);
      t.same(await keys(), [
        { createdAt: at(0), expiresAt: at(2 * hour) },
        { createdAt: at(0), expiresAt: at(169 * hour) },
        { createdAt: at(hour), expiresAt: null },
      ]);
      admin.nowMs += hour;
      const { stderr } = await admin.run([kind, 'rotate', 'one', '--overlap', '90s']);
      t.match(stderr, 'expires in 90s');
      t.same(
        (await keys()).map(({ createdAt }: { createdAt: string }) => createdAt),
        [at(0), at(hour), at(2 * hour)],
        'the key that ended now is gone',
      );
    },
  );

  t.test(`revokes a ${kind}`, async (t) => {
    const admin = await install(t);
    await admin.json([kind, 'create', 'one']);
    t.equal(
      (await admin.run([kind, 'revoke', 'one', '--yes'])).stdout,
      `revoked the ${kind} one\n`,
    );
    t.match(await admin.failure([kind, 'revoke', 'one']), {
      ...{ exit: 1, code: 'not_found', message: `there is no ${kind} "one"` },
      hint: `see keyserver-admin ${kind} list`,
    });
    t.match(await admin.failure([kind, 'rotate', 'one']), {
      ...{ exit: 1, code: 'not_found', message: `the ${kind} "one" was revoked` },
      hint: `keyserver-admin ${kind} undo one brings it back without a key; then rotate it, or create it anew`,
    });
  });

  t.test(`never overwrites a ${kind} that does not open, but revokes it`, async (t) => {
    const admin = await install(t);
    await admin.json([kind, 'create', 'one']);
    admin.sql("UPDATE documents SET mac = 'AAAA'");
    t.match(await admin.run([kind, 'list']), { code: 1, stdout: /one .*does not open/ });
    const { code, stdout } = await admin.run([kind, 'list', '--json']);
    t.equal(code, 1);
    t.match(JSON.parse(stdout), [{ id: 'one', opens: false, keys: null }]);
    t.match(await admin.failure([kind, 'create', 'one']), { code: 'already_exists' });
    t.match(await admin.failure([kind, 'rotate', 'one']), {
      exit: 1,
      code: 'integrity_failed',
      message: `the ${kind} "one" does not open: its row was changed, or its key is missing`,
      hint: new RegExp(`keyserver-admin ${kind} revoke one$`),
    });
    t.match(await admin.json([kind, 'revoke', 'one', '--yes']), { id: 'one', revoked: true });
    await admin.json([kind, 'create', 'one']);
  });
}

t.test('refuses an overlap that is no duration', async (t) => {
  const admin = await install(t);
  await admin.json(['app', 'create', 'one']);
  for (const overlap of ['24', '1w', '-1h', '1.5h', '366d', 'h']) {
    t.match(
      await admin.failure(['app', 'rotate', 'one', `--overlap=${overlap}`]),
      { exit: 2, code: 'input_invalid', message: 'is not a duration up to 365d' },
      overlap,
    );
  }
});

const withoutPrints = (text: string) => text.replace(/[\w-]{8} of /g, '- of ');

t.test('lists apps with their grants and whether they are direct', async (t) => {
  const admin = await install(t);
  t.equal((await admin.run(['app', 'list'])).stdout, 'no apps\n');
  t.equal((await admin.run(['proxy', 'list'])).stdout, 'no proxies\n');
  const { key } = await admin.json(['app', 'create', 'one']);
  await admin.json(['app', 'create', 'two', '--direct']);
  await admin.json(['app', 'rotate', 'two', '--overlap', '1h']);
  await admin.json(['proxy', 'create', 'dc-1']);
  await admin.json(['grant', 'add', 'one', '--client', '*', '--type', '*']);
  t.equal(
    withoutPrints((await admin.run(['app', 'list'])).stdout),
    [
      'APP  DIRECT  BOUND  GRANTS  KEYS',
      `one  no      no     1       - of ${at(0)}`,
      `two  yes     no     0       - of ${at(0)} until ${at(hour)}, - of ${at(0)}`,
      '',
    ].join('\n'),
  );
  t.equal(
    withoutPrints((await admin.run(['proxy', 'list'])).stdout),
    `PROXY  LIMITS                  KEYS\ndc-1   clients all, types all  - of ${at(0)}\n`,
  );
  const print = createHash('sha256').update(key).digest('base64url').slice(0, 8);
  t.match((await admin.run(['app', 'list'])).stdout, print, 'the fingerprint that logs show');
  admin.nowMs += hour;
  t.match((await admin.run(['app', 'list'])).stdout, `of ${at(0)} ended ${at(hour)}, `);
});

t.test('makes the app anonymous without a key, which cannot be rotated', async (t) => {
  const admin = await install(t);
  t.equal(
    (await admin.run(['app', 'create', 'anonymous', '--direct'])).stdout,
    'created anonymous, which has no key\n',
  );
  t.match(await admin.json(['app', 'list']), [{ id: 'anonymous', direct: true, keys: [] }]);
  t.match((await admin.run(['app', 'list'])).stdout, /anonymous +yes +no +0 +none/);
  t.match(await admin.failure(['app', 'rotate', 'anonymous']), { exit: 2, code: 'input_invalid' });
  t.match(await admin.failure(['app', 'create', 'anonymous']), { code: 'already_exists' });
  await admin.json(['app', 'revoke', 'anonymous', '--yes']);
  t.same(await admin.json(['app', 'create', 'anonymous']), {
    id: 'anonymous',
    direct: false,
    key: null,
  });
});

t.test('offers operations that give no key to the app anonymous', async (t) => {
  const admin = await install(t);
  await t.rejects(createApp(admin.context(t), 'anonymous'), { code: 'input_invalid' });
});

t.test('limits a proxy when it is created, and later', async (t) => {
  const admin = await install(t);
  const limits = ['--client', 'shop-*', 'acme', '--type', 'wildberries', '--client', 'acme'];
  await admin.json(['proxy', 'create', 'one', ...limits, '--certificate-name', 'One.Example']);
  await admin.json(['proxy', 'create', 'two']);
  const free = { clients: null, types: null, certificateNames: null };
  t.match(await admin.json(['proxy', 'list']), [
    {
      id: 'one',
      clients: ['acme', 'shop-*'],
      types: ['wildberries'],
      certificateNames: ['one.example'],
    },
    { id: 'two', ...free },
  ]);
  const { stdout } = await admin.run(['proxy', 'list']);
  t.match(stdout, 'clients acme shop-*, types wildberries, certificate one.example');
  t.match(stdout, 'clients all, types all');
  await admin.run(['proxy', 'rotate', 'one', '--yes']);
  t.match(await admin.json(['proxy', 'limit', 'one', '--type', 'a', 'b*', '--yes']), {
    ...free,
    types: ['a', 'b*'],
  });
  t.match(await admin.json(['proxy', 'limit', 'one']), free);
  const [document] = await listDocuments(admin.context(t), 'proxy');
  t.same(Object.keys(document?.content ?? {}), ['keys']);
  for (const wrong of [
    ['--client', 'a*b'],
    ['--type', ''],
    ['--certificate-name', '*.example.com'],
    ['--certificate-name', 'a.example,b.example'],
    ['--certificate-name', ' '],
  ]) {
    t.match(await admin.failure(['proxy', 'limit', 'one', ...wrong]), { exit: 2 }, wrong.join());
    t.match(await admin.failure(['proxy', 'create', 'x', ...wrong]), { exit: 2 }, wrong.join());
  }
  t.match(await admin.failure(['proxy', 'limit', 'none']), { exit: 1, code: 'not_found' });
});
