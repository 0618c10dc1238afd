import t from 'tap';
import { sealSecret } from '../../../keyserver/at-rest/secret.ts';
import { changeDocument } from '../../../keyserver/operations/documents.ts';
import { call, explain, follow, installAll, refused, secret, url } from './explaining.ts';

t.test('shows the steps of a call that is allowed', async (t) => {
  const admin = await installAll(t);
  const { code, stdout, stderr } = await admin.run(explain);
  t.equal(code, 0, stderr);
  t.match(stdout, /^STEP +VERDICT +WHAT\nauthenticate +ok +reports\nurl +ok +https:/);
  t.match(stdout, /\ndestination +ok +https:\/\/api\.example\.com\ntoken +ok +never expires\n/);
  t.match(stdout, /\ninjection +ok +Authorization\nallowed\n$/);
  t.match(await admin.json(explain), { allowed: true, steps: Array(7).fill({ ok: true }) });
  t.notMatch(stdout, secret);
});

t.test('prints the grant that is missing, and that does it', async (t) => {
  for (const argv of [
    explain.with(4, "o'neill shop").with(2, 'reports'),
    explain.with(8, 'POST'),
    explain.with(10, 'https://api.example.com/v2/orders?since=1'),
  ]) {
    const admin = await installAll(t);
    await admin.json(['token', 'put', '--client', argv[4] ?? '', '--type', 'wildberries'], {
      stdin: secret,
    });
    const { step, code, remedy } = await refused(t, admin, argv);
    t.match({ step, code }, { step: 'grant', code: 'grant_denied' });
    t.match(remedy, /^grant it: keyserver-admin grant add reports --client .+ --path \S+$/);
    if (argv.includes("o'neill shop")) t.match(remedy, String.raw`--client 'o'\''neill shop' `);
    else {
      await follow(admin, remedy);
      t.match(await admin.json(argv), { allowed: true });
    }
  }
});

t.test('names the limits that an allowed call is under', async (t) => {
  const admin = await installAll(t);
  t.same((await admin.json(explain)).limits, []);
  const limits = ['10/h burst 3', '4 at once /v1/*', '5/h /v2/*'];
  const options = limits.flatMap((limit) => ['--add-limit', limit]);
  await admin.json(['type', 'edit', 'wildberries', ...options]);
  t.same((await admin.json(explain)).limits, ['10/h burst 3', '4 at once /v1/*']);
  const { stdout } = await admin.run(explain);
  t.match(
    stdout,
    /^allowed, within 10\/h burst 3, 4 at once \/v1\/\*\n {2}SecureProxy counts .*\n$/m,
  );
  t.notOk('limits' in (await refused(t, admin, explain.with(8, 'POST'))));
});

t.test('says that no path rule matches an ambiguous path', async (t) => {
  const admin = await installAll(t);
  const { reason, remedy } = await refused(t, admin, explain.with(10, `${url}/..%3Fx`));
  t.equal(reason, 'path');
  t.notMatch(remedy, '--path /');
});

t.test('names what is wrong with type, destination, token and fields', async (t) => {
  const admin = await installAll(t);
  const context = admin.context(t);
  await admin.json(['grant', 'add', 'reports', '--client', '*', '--type', '*']);
  const seal = (clientId: string, fields: Record<string, string>, expiresAt?: string) =>
    context.store.putToken(
      sealSecret(
        context.keyring,
        { clientId, tokenType: 'wildberries' },
        { fields, ...(expiresAt && { expiresAt }) },
      ),
    );
  await seal('unfilled', { key: secret });
  await seal('ended', { token: secret }, '2020-01-01T00:00:00.000Z');
  await context.store.putToken({ clientId: 'broken', tokenType: 'wildberries', token: 'skt1.x' });
  const legacy = Buffer.alloc(32, 7).toString('base64');
  await context.store.putToken({ clientId: 'old', tokenType: 'wildberries', token: legacy });
  const cases: [argv: string[], expected: object][] = [
    [explain.with(6, 'ozon'), { step: 'type', code: 'type_not_found', remedy: /type put ozon / }],
    [
      explain.with(10, 'https://other.example/'),
      {
        step: 'destination',
        reason: 'not_listed',
        remedy: /--add-destination https:\/\/other\.example$/,
      },
    ],
    [
      explain.with(10, 'http://api.example.com/'),
      { step: 'destination', reason: 'plaintext', remedy: /--unsafe-plaintext$/ },
    ],
    [explain.with(10, 'https://API.example.com/'), { step: 'url', remedy: /spell/ }],
    [explain.with(4, 'nobody'), { step: 'token', code: 'token_not_found', remedy: /token put/ }],
    [explain.with(4, 'ended'), { step: 'token', code: 'token_expired', remedy: /token put/ }],
    [explain.with(4, 'broken'), { step: 'token', code: 'integrity_failed', remedy: /token show/ }],
    [explain.with(4, 'old'), { step: 'token', remedy: /UNSAFE_LEGACY_ROWS/ }],
    [explain.with(4, 'unfilled'), { step: 'injection', reason: 'fields', remedy: /type show/ }],
  ];
  for (const [argv, expected] of cases) t.match(await refused(t, admin, argv), expected);
  const { remedy } = await refused(t, admin, explain.with(4, 'nobody'));
  await follow(admin, remedy, secret);
  t.match(await admin.json(explain.with(4, 'nobody')), { allowed: true });
  admin.sql("UPDATE documents SET body = '{}' WHERE kind = 'type'");
  t.match(await refused(t, admin, explain), { step: 'type', remedy: /--force$/ });
});

t.test('an app whose keys have ended calls no more', async (t) => {
  const admin = await installAll(t);
  await changeDocument(admin.context(t), 'app', 'reports', (current) => {
    if (current?.content === undefined) throw new Error('gone');
    return { ...current.content, keys: [] };
  });
  const { step, code, remedy } = await refused(t, admin, explain);
  t.match({ step, code }, { step: 'authenticate', code: 'caller_unauthenticated' });
  await follow(admin, remedy);
  t.match(await admin.json(explain), { allowed: true });
  await admin.json(['app', 'create', 'anonymous']);
  const anonymous = await refused(t, admin, explain.with(2, 'anonymous'));
  t.equal(anonymous.step, 'grant', 'the app without a key needs none');
});

t.test('refuses what is no question', async (t) => {
  const admin = await installAll(t);
  t.match(await admin.failure(explain.with(2, 'nobody')), { exit: 1, code: 'not_found' });
  t.match(await admin.failure(explain.with(8, 'TRACE')), { exit: 2, code: 'input_invalid' });
  t.match(await admin.failure(explain.with(4, '')), { exit: 2, code: 'input_invalid' });
  t.match(await admin.failure(call), { exit: 2, code: 'usage' });
  admin.sql("UPDATE documents SET body = '{}' WHERE kind = 'app'");
  t.match(await admin.failure(explain), { exit: 1, code: 'integrity_failed' });
  admin.sql('DROP TABLE documents');
  t.match(await admin.failure(explain), {
    exit: 4,
    code: 'database_unavailable',
    hint: 'run keyserver-admin migrate',
  });
});

t.test('applies the limits of the proxy that is named', async (t) => {
  const admin = await installAll(t);
  await admin.json(['proxy', 'create', 'dc-1', '--client', 'shop-2']);
  const through = [...explain, '--proxy', 'dc-1'];
  t.equal((await admin.run(explain)).code, 0);
  t.match(await refused(t, admin, through), {
    step: 'grant',
    code: 'grant_denied',
    reason: 'proxy_limited',
    remedy: /proxy limit dc-1/,
  });
  await admin.json(['proxy', 'limit', 'dc-1', '--client', 'shop-*', '--yes']);
  t.equal((await admin.run(through)).code, 0);
  t.match(await admin.failure([...explain, '--proxy', 'none']), { exit: 1, code: 'not_found' });
});

t.test('advises to undo the change that made a token unfit, or to store it again', async (t) => {
  const admin = await installAll(t);
  const edit = (...options: string[]) => admin.json(['type', 'edit', 'wildberries', ...options]);
  await edit('--header', 'Authorization: Bearer {apiKey}', '--yes');
  await edit('--cache-seconds', '5');
  const { step, remedy } = await refused(t, admin, explain);
  t.equal(step, 'injection');
  t.match(
    remedy,
    /^the token filled the type before change 5; if that was a mistake, take it back: keyserver-admin type undo wildberries --change 5; if not, store the token again .* token put /,
  );
  admin.sql("UPDATE document_images SET mac = 'x' WHERE kind = 'type' AND revision = 6");
  t.match((await refused(t, admin, explain)).remedy, /^store the token again/, 'nothing is undone');
  admin.sql("DELETE FROM document_images WHERE kind = 'type'");
  t.match((await refused(t, admin, explain)).remedy, /^store the token again/);
  admin.sql('DROP TABLE document_images');
  t.match((await refused(t, admin, explain)).remedy, /^store the token again/);
});
