import t from 'tap';
import { explain, follow, installAll, refused, secret } from './explaining.ts';

const host = 'api.example.com';
/** The forms of a URL that name the same call. */
const forms = {
  whole: (path: string) => `https://${host}${path}`,
  path: (path: string) => path,
  '~host': (path: string) => `~${host}${path}`,
};

t.test('a step and its remedy follow from the error, however the URL is written', async (t) => {
  const edit = (...options: string[]) => ['type', 'edit', 'wildberries', '--yes', ...options];
  const grantAll = ['grant', 'add', 'reports', '--client', '*', '--type', '*'];
  const put = (client: string) => ['token', 'put', '--client', client, '--type', 'wildberries'];
  const cases: {
    readonly before?: readonly string[][];
    readonly argv?: readonly string[];
    readonly path?: string;
    readonly expected: object;
    /** The outcome once the remedy's command was run, if it has one. */
    readonly after?: object;
  }[] = [
    {
      before: [put('shop-2')],
      argv: explain.with(4, 'shop-2'),
      expected: { step: 'grant', reason: 'no_grant', remedy: /^grant it: .* --path \/v1\/orders$/ },
      after: { allowed: true },
    },
    {
      argv: explain.with(4, 'shop-2'),
      expected: {
        step: 'grant',
        reason: 'no_grant',
        missing: 'client "shop-2" has no token of type "wildberries"',
      },
      after: { code: 'token_not_found' },
    },
    {
      argv: explain.with(4, 'shop1'),
      expected: {
        missing: 'client "shop1" has no token of type "wildberries"; is "shop-1" meant?',
      },
      after: { code: 'token_not_found' },
    },
    {
      argv: explain.with(6, 'wildberies'),
      expected: {
        step: 'grant',
        reason: 'no_grant',
        missing: 'there is no type "wildberies"; is "wildberries" meant?',
        remedy: /^define it: keyserver-admin type put wildberies --destination https:/,
      },
    },
    {
      before: [grantAll],
      argv: explain.with(6, 'ozon'),
      expected: {
        step: 'type',
        code: 'type_not_found',
        missing: 'there is no type "ozon"; there is "wildberries"',
        remedy: /^define it: /,
      },
    },
    {
      argv: explain.with(8, 'POST'),
      expected: { step: 'grant', reason: 'method', remedy: /--method POST --path \/v1\/orders$/ },
      after: { allowed: true },
    },
    {
      path: '/v2/a*b/*?since=1',
      expected: { step: 'grant', reason: 'path', remedy: / --path '\/v2\/a\*'$/ },
      after: { allowed: true },
    },
    ...['/v1/..%3Fx', '//v1/orders', '//v1'].map((path) => ({
      path,
      expected: { step: 'grant', reason: 'path' },
      after: { allowed: true },
    })),
    {
      before: [['proxy', 'create', 'dc-1', '--client', 'shop-2']],
      argv: [...explain, '--proxy', 'dc-1'],
      expected: { step: 'grant', reason: 'proxy_limited', remedy: /^if it may, .* limit dc-1 / },
    },
    {
      before: [edit('--routed-by-body'), put('shop-2')],
      argv: explain.with(4, 'shop-2'),
      expected: { step: 'grant', remedy: /^grant it: .* --type wildberries$/ },
      after: { allowed: true },
    },
    {
      before: [edit('--routed-by-body')],
      expected: { step: 'operation', reason: 'routed_body' },
      after: { allowed: true },
    },
    {
      before: [edit('--routed-by-query', 'do')],
      path: '/v2/orders?do=x',
      expected: { step: 'grant', reason: 'path', remedy: /^grant it: .* --type wildberries$/ },
      after: { allowed: true },
    },
    {
      before: [edit('--routed-by-query', 'do')],
      path: '/v2/orders?since=x',
      expected: { step: 'grant', reason: 'path', remedy: / --path \/v2\/orders$/ },
      after: { allowed: true },
    },
    {
      before: [edit('--routed-by-query', 'do')],
      path: '/v1/orders?do=x',
      expected: { step: 'operation', reason: 'routed_query' },
      after: { allowed: true },
    },
    {
      before: [
        grantAll,
        edit('--add-destination', `https://${host}/v2`, '--remove-destination', `https://${host}`),
      ],
      expected: {
        step: 'destination',
        reason: 'not_listed',
        remedy: /https:\/\/api\.example\.com$/,
      },
      after: { allowed: true },
    },
    {
      before: [grantAll, edit('--add-token-endpoint', `https://${host}/token`)],
      path: '/TOKEN',
      expected: {
        step: 'destination',
        reason: 'token_endpoint_spelling',
        remedy: /^let the app sp/,
      },
    },
    {
      path: '/v1/../x',
      expected: { step: 'url', reason: 'url_dot_segment', remedy: /^let the app spell the URL/ },
    },
    {
      argv: explain.with(4, 'nobody').with(2, 'all'),
      before: [['app', 'create', 'all'], grantAll.with(2, 'all')],
      expected: { step: 'token', code: 'token_not_found', missing: /nobody/, remedy: /token put/ },
      after: { allowed: true },
    },
  ];
  for (const { before = [], argv = explain, path = '/v1/orders', expected, after } of cases) {
    for (const [form, write] of Object.entries(forms)) {
      const admin = await installAll(t);
      for (const command of before) await admin.json(command, { stdin: secret });
      const asked = argv.with(10, write(path));
      const { remedy, ...rest } = await refused(t, admin, asked);
      const name = `${form} ${path}: ${remedy}`;
      t.match({ remedy, ...rest }, expected, name);
      if (after === undefined) continue;
      await follow(admin, remedy, secret);
      t.match(JSON.parse((await admin.run([...asked, '--json'])).stdout), after, name);
    }
  }
});

t.test('a host that no destination names is advised only as ~ finds it', async (t) => {
  const admin = await installAll(t);
  for (const [reference, remedy] of [
    ['~other.example/v1/a', /--add-destination https:\/\/other\.example$/],
    ['~Other.example:8443/v1/a', /--add-destination https:\/\/other\.example:8443$/],
    ['~other.example:443/v1/a', /^let the app spell the host/],
    ['~user@other.example/v1/a', /^let the app spell the host/],
    ['~/v1/a', /^let the app spell the host/],
  ] as const) {
    const asked = explain.with(10, reference);
    const refusal = await refused(t, admin, asked);
    t.match(refusal, { step: 'destination', reason: 'host_not_listed', remedy }, reference);
    if (!refusal.remedy.includes('--add-destination')) continue;
    await follow(admin, refusal.remedy);
    t.match(await admin.json(asked), { allowed: true });
  }
  await admin.json([
    ...['type', 'edit', 'wildberries', '--yes', '--add-destination', 'https://*.example.com'],
    ...['--remove-destination', 'https://api.example.com'],
  ]);
  const others = ['https://other.example', 'https://other.example:8443'];
  for (const other of others)
    await admin.json(['type', 'edit', 'wildberries', '--yes', '--remove-destination', other]);
  t.match(await refused(t, admin, explain.with(10, '/v1/orders')), {
    step: 'destination',
    reason: 'first_wildcard',
    remedy: /~host\/path/,
  });
});
