import { createHash } from 'node:crypto';
import t from 'tap';
import { listDocuments } from '../../../keyserver/operations/documents.ts';
import { grantId } from '../../../shared/policy/grant-id.ts';
import { type Installation, install, wildberries } from './installation.ts';

async function installWithApp(t: Parameters<typeof install>[0]): Promise<Installation> {
  const admin = await install(t);
  await admin.json(wildberries);
  await admin.json(['app', 'create', 'reports']);
  return admin;
}

const add = ['grant', 'add', 'reports', '--client', 'shop-*', '--type', 'wildberries'];

t.test('adds a grant as KeyServer reads it', async (t) => {
  const admin = await installWithApp(t);
  const { code, stdout, stderr } = await admin.run([
    ...add,
    ...['--method', 'post', '--method', 'GET', '--method', 'POST'],
    ...['--path', '/v1/orders/*', '--path', 'https://api.example.com/v1/*'],
  ]);
  t.equal(code, 0, stderr);
  const [app] = await listDocuments(admin.context(t), 'app');
  const [grant] = app?.content?.grants ?? [];
  t.same(grant, {
    client: 'shop-*',
    type: 'wildberries',
    methods: ['GET', 'POST'],
    paths: ['/v1/orders/*', 'https://api.example.com/v1/*'],
  });
  const digest = createHash('sha256').update(JSON.stringify(grant)).digest('base64url');
  const id = digest.replace(/^[-_]+/, '').slice(0, 8);
  t.equal(stdout, `granted ${id} to reports\n`);
});

t.test('names a grant by its content, whatever the order, and as no option', async (t) => {
  const grant = { client: 'a', type: 'b' };
  t.equal(
    grantId({ ...grant, methods: ['GET', 'POST'], paths: ['/a', '/b'] }),
    grantId({ paths: ['/b', '/a'], methods: ['POST', 'GET'], ...grant }),
  );
  t.not(grantId(grant), grantId({ ...grant, methods: ['GET'] }));
  t.not(grantId({ ...grant, methods: ['GET'] }), grantId({ ...grant, methods: ['PUT'] }));
  for (let i = 0; i < 300; i++) {
    const id = grantId({ client: String(i), type: 'b' });
    if (!/^[A-Za-z0-9][\w-]{7}$/.test(id)) t.fail(id);
  }
});

t.test('changes nothing by a grant that the app has', async (t) => {
  const admin = await installWithApp(t);
  const { id } = await admin.json([...add, '--method', 'GET', '--method', 'PUT']);
  const before = await listDocuments(admin.context(t), 'app');
  const again = await admin.run([...add, '--method', 'PUT', '--method', 'GET']);
  t.equal(again.code, 0);
  t.equal(again.stdout, `reports has this grant already: ${id}\n`);
  t.same(await listDocuments(admin.context(t), 'app'), before);
});

t.test('lists grants and takes them away', async (t) => {
  const admin = await installWithApp(t);
  t.equal((await admin.run(['grant', 'list'])).stdout, 'no grants\n');
  const first = await admin.json([...add, '--method', 'GET', '--path', '/v1/*']);
  const second = await admin.json([...add]);
  await admin.json(['app', 'create', 'stocks']);
  const third = await admin.json(['grant', 'add', 'stocks', '--client', 'a', '--type', '*']);
  t.equal(
    (await admin.run(['grant', 'list'])).stdout,
    [
      'APP      ID        CLIENT  TYPE         METHODS  PATHS',
      `reports  ${first.id}  shop-*  wildberries  GET      /v1/*`,
      `reports  ${second.id}  shop-*  wildberries  all      all`,
      `stocks   ${third.id}  a       *            all      all`,
      '',
    ].join('\n'),
  );
  const { stdout } = await admin.run(['grant', 'remove', 'reports', first.id]);
  t.equal(stdout, `removed the grant ${first.id} of reports\n`);
  t.match(await admin.failure(['grant', 'remove', 'reports', first.id]), {
    exit: 1,
    code: 'not_found',
    hint: 'see the ids of its grants: keyserver-admin grant list reports',
  });
  t.match(await admin.json(['grant', 'list', 'reports']), [{ app: 'reports', id: second.id }]);
  t.match(await admin.failure(['grant', 'list', 'none']), { exit: 1, code: 'not_found' });
});

t.test('warns of a grant that does nothing yet', async (t) => {
  const admin = await installWithApp(t);
  await admin.json(['app', 'create', 'sync', '--direct']);
  const grant = ['grant', 'add', 'sync', '--client', 'a', '--type', 'ozon*', '--method', 'GET'];
  const { stderr } = await admin.run(grant);
  t.equal(
    stderr,
    [
      'note: no type matches "ozon*" yet',
      'note: a direct app receives tokens only by a grant without methods and paths',
      '',
    ].join('\n'),
  );
  t.equal((await admin.json(grant)).warnings.length, 2);
  const misspelt = ['grant', 'add', 'reports', '--client', 'a', '--type'];
  const warningsOf = async (type: string) => (await admin.json([...misspelt, type])).warnings;
  t.same(await warningsOf('wildberies'), [
    'no type matches "wildberies" yet; is "wildberries" meant?',
  ]);
  t.same(await warningsOf('berries'), ['no type matches "berries" yet']);
  t.same((await admin.json(add)).warnings, []);
});

t.test('refuses rules for a type whose bodies select the operation', async (t) => {
  const admin = await installWithApp(t);
  await admin.json(['type', 'edit', 'wildberries', '--routed-by-body']);
  for (const rule of [
    ['--method', 'POST'],
    ['--path', '/v1/*'],
  ]) {
    t.match(await admin.failure([...add, ...rule]), {
      exit: 2,
      code: 'input_invalid',
      message:
        'bodies select the operation of the type "wildberries", so a grant with methods or paths allows none of its calls',
      hint: 'give it neither methods nor paths',
    });
  }
  t.same((await admin.json(add)).warnings, []);
  const broad = add.with(-1, '*');
  t.same((await admin.json(broad)).warnings, []);
  const { stdout, stderr } = await admin.run([...broad, '--method', 'GET']);
  t.match(stdout, /^granted/);
  t.equal(
    stderr,
    'note: bodies select the operation of the type "wildberries", so a grant with methods or paths allows none of its calls\n',
  );
});

t.test('refuses grants that could not match as they are meant', async (t) => {
  const admin = await installWithApp(t);
  const refusals: readonly (readonly [string, string[], RegExp])[] = [
    ['a star inside', [...add, '--client', 'a*b'], /only one \*/],
    ['two stars', [...add, '--type', 'a**'], /only one \*/],
    ['an empty pattern', [...add, '--client', ''], /is empty/],
    ['an unknown method', [...add, '--method', 'CONNECT'], /not an allowed method/],
    ['a path without a slash', [...add, '--path', 'v1/*'], /path such as/],
    ['a path with a star inside', [...add, '--path', '/v1/*/x'], /one \* only/],
    ['a path that can be read in two ways', [...add, '--path', '/a/..%2fb'], /two ways/],
    ['a path with dots', [...add, '--path', '/a/../b'], /path such as/],
  ];
  for (const [what, argv, message] of refusals) {
    t.match(await admin.failure(argv), { exit: 2, code: 'input_invalid', message }, what);
  }
  t.match(await admin.failure(add.with(2, 'none')), { exit: 1, code: 'not_found' });
  t.same(await admin.json(['grant', 'list']), []);
});

t.test('leaves the grants of an app alone that does not open', async (t) => {
  const admin = await installWithApp(t);
  await admin.json(add);
  admin.sql("UPDATE documents SET body = replace(body, 'shop-*', '*') WHERE kind = 'app'");
  t.match(await admin.failure(add), { exit: 1, code: 'integrity_failed' });
  t.match(await admin.failure(['grant', 'list', 'reports']), { code: 'integrity_failed' });
  await admin.json(['app', 'create', 'stocks']);
  await admin.json(['grant', 'add', 'stocks', '--client', 'a', '--type', '*']);
  const listed = await admin.run(['grant', 'list', '--json']);
  t.equal(listed.code, 1);
  t.match(JSON.parse(listed.stdout), [{ app: 'stocks' }]);
  t.match(JSON.parse(listed.stderr).error.message, 'the app "reports" does not open');
});
