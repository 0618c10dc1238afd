import t from 'tap';
import { openDocument } from '../../../keyserver/at-rest/document-row.ts';
import { putType } from '../../../keyserver/operations/types.ts';
import type { Policy } from '../../../shared/policy/schema.ts';
import { install, wildberries } from './installation.ts';

const destination = ['--destination', 'https://api.example.com'];

t.test('defines a type as KeyServer reads it', async (t) => {
  const admin = await install(t);
  const { stdout } = await admin.run(wildberries);
  t.equal(stdout, 'created wildberries\n');
  const { store, keyring } = admin.context(t);
  const [row] = await store.documents();
  t.same(row && openDocument(keyring, 'type', row), {
    destinations: ['https://api.example.com'],
    injection: { scheme: 'headers', headers: { Authorization: '{token}' } },
  });
});

t.test('takes every option into the policy', async (t) => {
  const admin = await install(t);
  const policyOf = async (...options: string[]): Promise<Policy> =>
    (await admin.json(['type', 'put', 'x', ...options])).policy;
  const destinations = ['https://api.example.com'];
  t.same(await policyOf(...destination), {
    destinations,
    injection: { scheme: 'headers', headers: { Authorization: 'Bearer {token}' } },
  });
  t.same(await policyOf(...destination, '--header', 'A: {a}:{b}', '--header', 'B:  c'), {
    destinations,
    injection: { scheme: 'headers', headers: { A: '{a}:{b}', B: 'c' } },
  });
  t.same(await policyOf(...destination, '--query', 'key={token}', '--query', 'v=a=b'), {
    destinations,
    injection: { scheme: 'query', query: { key: '{token}', v: 'a=b' } },
  });
  t.same(
    await policyOf(
      ...['--destination', 'http://erp.example.com:8080', 'https://*.example.com/v1'],
      ...['--destination', 'https://[2a00::1]'],
      ...['--plain-destination', 'https://reports.example.net', 'https://a.example.org/x'],
      ...['--basic', '{user}:{a}:{b}', '--unsafe-plaintext'],
      ...['--unsafe-allow-private', '10.1.0.0/16', '--unsafe-allow-private', 'fd00:1::/32'],
      ...['--cache-seconds', '0', '--no-scrub', '--public-field', 'user', '--public-field', 'b'],
      ...['--redact-member', 'access_token', '--redact-member', 'refresh_token'],
      ...['--limit', '300/min burst 20 errors 10', '--limit', '4 at once /v1/*'],
      ...['--limit-status', '420', '--limit-max-seconds', '60'],
      ...['--retry', '3', '--retry-method', 'PUT', '--retry-method', 'DELETE'],
      ...['--routed-by-query', 'rest_route', '--routed-by-query', 'm*'],
      ...['--routed-by-form', 'action', '--routed-by-body'],
      ...['--drop-query', 'sign', '--drop-query', 'oauth_*', '--drop-header', 'Shop-Signature'],
      ...['--key-member', 'api_key', '--key-member', 'auth.token'],
    ),
    {
      destinations: [
        'http://erp.example.com:8080',
        'https://*.example.com/v1',
        'https://[2a00::1]',
      ],
      plainDestinations: ['https://reports.example.net', 'https://a.example.org/x'],
      injection: { scheme: 'basic', username: '{user}', password: '{a}:{b}' },
      unsafePlaintext: true,
      unsafeAllowPrivate: ['10.1.0.0/16', 'fd00:1::/32'],
      cacheSeconds: 0,
      scrub: false,
      publicFields: ['user', 'b'],
      redactMembers: ['access_token', 'refresh_token'],
      limits: ['300/min burst 20 errors 10', '4 at once /v1/*'],
      limitSignal: { statuses: [420], maxSeconds: 60 },
      retry: { max: 3, methods: ['PUT', 'DELETE'] },
      routedBy: { query: ['rest_route', 'm*'], form: ['action'], body: true },
      dropQuery: ['sign', 'oauth_*'],
      keyMembers: ['api_key', 'auth.token'],
      dropHeaders: ['Shop-Signature'],
    },
  );
});

t.test('refuses a type that could not be used, or would be dangerous unsaid', async (t) => {
  const admin = await install(t);
  const header = (template: string) => [...destination, '--header', template];
  const refusals: readonly (readonly [string, string[], RegExp])[] = [
    ['a wildcard over a public suffix', ['--destination', 'https://*.co.uk'], /public suffix/],
    ['userinfo', ['--destination', 'https://a@api.example.com'], /not usable/],
    ['no scheme', ['--destination', 'api.example.com'], /not usable/],
    [
      'only public fields',
      [...destination, '--public-field', 'token'],
      /every injected field is public/,
    ],
    [
      'a public field of no name',
      [...destination, '--public-field', 'a b'],
      /"a b" is not a valid/,
    ],
    ['a member that is hardly a name', [...destination, '--redact-member', 'a'], /redactMembers/],
    ['a limit of nothing', [...destination, '--limit', 'fast'], /limit "fast" begins neither/],
    ['a limit twice', [...destination, '--limit', '5/s', '--limit', '5/s'], /"5\/s" occurs twice/],
    ['a limit of no path', [...destination, '--limit', '5/s /a/*/b'], /one \* only/],
    [
      'no status',
      [...destination, '--limit-status', 'none'],
      /--limit-status "none" is not an int/,
    ],
    ['a wild status', [...destination, '--limit-status', '42'], /limitSignal statuses 0/],
    [
      'a text of no status',
      [...destination, '--limit-body', 'ApiCallLimit'],
      /not a status and a text/,
    ],
    ['too long', [...destination, '--limit-max-seconds', '90000'], /limitSignal maxSeconds/],
    ['an error body of a list', [...destination, '--error-body', '["{code}"]'], /not a JSON obj/],
    ['no JSON', [...destination, '--error-body', '{'], /--error-body is not a JSON object/],
    ['a member twice', [...destination, '--error-body', '{"a":1,"a":2}'], /a member twice/],
    ['a strange part', [...destination, '--error-body', '{"m":"{code} {token}"}'], /has \{token\}/],
    ['no number of retries', [...destination, '--retry', 'often'], /--retry "often" is not an int/],
    ['too many retries', [...destination, '--retry', '6'], /retry max/],
    ['no method', [...destination, '--retry-method', 'put'], /--retry-method "put" is none/],
    ['a name with a space', [...destination, '--routed-by-query', 'a b'], /routedBy query 0/],
    ['every name', [...destination, '--routed-by-form', '*'], /routedBy form 0/],
    ['a long member', [...destination, '--key-member', 'a'.repeat(257)], /keyMembers 0/],
    ['every parameter', [...destination, '--drop-query', '*'], /dropQuery 0/],
    ['a header with a colon', [...destination, '--drop-header', 'A: b'], /dropHeaders 0/],
    ['a star inside', [...destination, '--routed-by-form', 'a*b'], /routedBy form 0/],
    [
      'a plain destination of no origin',
      [...destination, '--plain-destination', 'x'],
      /not usable/,
    ],
    [
      'a plain destination in clear',
      [...destination, '--plain-destination', 'http://a.example'],
      /unsafePlaintext/,
    ],
    [
      'a plain destination where tokens go',
      ['--destination', 'https://*.example.com', '--plain-destination', 'https://a.example.com/x'],
      /plain destination "https:\/\/a.example.com\/x" lies in a destination that tokens go to/,
    ],
    [
      'a probe at a plain destination',
      [
        ...[...destination, '--plain-destination', 'https://a.example'],
        ...['--probe', 'GET https://a.example/me'],
      ],
      /the probe GET https:\/\/a.example\/me: No destination/,
    ],
    ['plain http', ['--destination', 'http://api.example.com'], /unsafePlaintext/],
    ['a block without length', [...destination, '--unsafe-allow-private', '10.0.0.1'], /CIDR/],
    ['a block too long', [...destination, '--unsafe-allow-private', '10.0.0.0/33'], /CIDR/],
    ['a block of no address', [...destination, '--unsafe-allow-private', '10.0/8'], /CIDR/],
    ['every address', [...destination, '--unsafe-allow-private', '::/0'], /every address/],
    ['an open brace', header('Authorization: {token'), /brace/],
    ['a closing brace', header('Authorization: token}'), /brace/],
    ['a placeholder that no field can fill', header('Authorization: {to ken}'), /brace/],
    ['a brace in a query', [...destination, '--query', 'a={'], /brace/],
    ['a brace in a user name', [...destination, '--basic', '{:x'], /brace/],
    ['a brace in a password', [...destination, '--basic', 'x:}'], /brace/],
    ['no placeholder at all', header('Authorization: Bearer words'), /no token would be sent/],
    ['a header name with a space', header('A B: {token}'), /injection|headers/],
    ['a header twice', [...header('A: {token}'), '--header', 'a: x'], /twice/],
    ['one name twice', [...header('A: {token}'), '--header', 'A: x'], /twice/],
    ['a line break in a header', header('A: x\r\ny'), /a header cannot carry/],
    ['a header without template', header('A:'), /two parts/],
    ['a header without colon', header('A {token}'), /two parts/],
    ['a query without a name', [...destination, '--query', '={token}'], /two parts/],
    ['two ways at once', [...header('A: {token}'), '--query', 'a={token}'], /only one of/],
    ['a long caching time', [...destination, '--cache-seconds', '301'], /cacheSeconds.*<= 300/],
    ['no caching time', [...destination, '--cache-seconds', '1.5'], /not an integer/],
  ];
  for (const [what, options, message] of refusals) {
    const failure = await admin.failure(['type', 'put', 'x', ...options]);
    t.match(failure, { exit: 2, code: 'input_invalid', message }, what);
  }
  for (const name of ['Host', 'content-length', 'Via', 'Connection', 'TE', 'Trailer', 'Upgrade']) {
    const failure = await admin.failure(['type', 'put', 'x', ...header(`${name}: {token}`)]);
    t.match(failure, { exit: 2, message: 'cannot be injected' }, name);
  }
  t.match(await admin.failure(['type', 'put', 'a\nb', ...destination]), { exit: 2 });
  t.match(await admin.failure(['type', 'put', 'x']), { exit: 2, code: 'usage' });
  t.same(await admin.json(['type', 'list']), []);
});

t.test('says how a destination at a private address is allowed', async (t) => {
  const admin = await install(t);
  const put = ['type', 'put', 'erp', '--destination', 'https://10.0.0.1', 'https://10.0.0.2'];
  const { code, stderr } = await admin.run(put);
  t.equal(code, 2);
  const allowed = [
    '--unsafe-allow-private',
    '10.0.0.1/32',
    '--unsafe-allow-private',
    '10.0.0.2/32',
  ];
  t.match(stderr, allowed.join(' '));
  t.equal((await admin.run([...put, ...allowed])).code, 0);
  const edit = ['type', 'edit', 'erp', '--add-destination', 'https://127.0.0.1'];
  t.match((await admin.run(edit)).stderr, '--add-unsafe-allow-private');
  t.equal((await admin.run([...edit, '--add-unsafe-allow-private', '127.0.0.0/8'])).code, 0);
});

t.test('names all faults of a type at once', async (t) => {
  const admin = await install(t);
  const { stderr } = await admin.run([
    ...['type', 'put', 'x', '--destination', 'ftp://a.example'],
    ...['--header', 'Host: {a', '--header', 'X: {token}'],
  ]);
  t.match(
    stderr,
    /^error: the policy has 3 faults:\n {2}- .*ftp.*\n {2}- .*brace.*\n {2}- .*injected\n {2}\S/,
  );
});

t.test('prints what a replacement changes, and leaves an equal type alone', async (t) => {
  const admin = await install(t);
  await admin.json(wildberries);
  const { store } = admin.context(t);
  const seq = await store.lastSeq();
  t.equal((await admin.run(wildberries)).stdout, 'unchanged wildberries\n');
  t.equal(await store.lastSeq(), seq);
  const changed = await admin.run(['type', 'put', 'wildberries', ...destination, '--no-scrub']);
  t.equal(
    changed.stdout,
    [
      'replaced wildberries',
      '  injection: {"scheme":"headers","headers":{"Authorization":"{token}"}} -> {"scheme":"headers","headers":{"Authorization":"Bearer {token}"}}',
      '  scrub: not set -> false',
      '',
    ].join('\n'),
  );
  t.equal(changed.stderr, '', 'no token is stored that does not fill it');
});

t.test('says what a replacement takes away, and with --dry-run nothing else', async (t) => {
  const admin = await install(t);
  await admin.json(wildberries);
  const token = ['token', 'put', '--client', 'shop-1', '--type', 'wildberries'];
  await admin.json(token, { stdin: 'x' });
  const { store } = admin.context(t);
  const seq = await store.lastSeq();
  const put = ['type', 'put', 'wildberries', ...destination, '--query', 'key={apiKey}'];
  const loss = /would not be filled by 1 stored token \(client shop-1\): .*"apiKey"/;
  const { code, stdout, stderr } = await admin.run([...put, '--dry-run']);
  t.equal(code, 0);
  t.match(stdout, /^wildberries would be replaced\n {2}injection: /);
  t.match(stderr, loss);
  t.match(await admin.json([...put, '--dry-run']), { dryRun: true, consequences: [loss] });
  const failure = await admin.failure(put);
  t.match(failure, { exit: 2, code: 'confirmation_required', message: loss });
  t.equal(await store.lastSeq(), seq, 'nothing was changed');
  t.match(await admin.run(['type', 'put', 'new', ...destination, '--dry-run']), {
    stdout: 'new would be created\n',
  });
  t.match(await admin.json([...put, '--yes']), { outcome: 'replaced', consequences: [loss] });
  t.match(await admin.run([...put, '--dry-run']), { stdout: 'unchanged wildberries\n' });
});

t.test('takes a type from a file', async (t) => {
  const admin = await install(t);
  const stdin = `
destinations: [https://api.example.com]
injection: { scheme: query, query: { key: "{token}" } }
cacheSeconds: 5
`;
  const put = ['type', 'put', 'x', '--file', '-'];
  const { policy } = await admin.json(put, { stdin });
  t.same((await admin.json(['type', 'show', 'x'])).policy, policy);
  t.same((await admin.json(['export'])).types.x, policy);
  t.match(policy, { cacheSeconds: 5, injection: { scheme: 'query' } });
  const defaulted = await admin.json(put, { stdin: '{"destinations": ["https://a.example"]}' });
  t.match(defaulted.policy, { injection: { headers: { Authorization: 'Bearer {token}' } } });
  for (const [text, message] of [
    ['destinations: []\ncacheSecond: 5', /^stdin:2:1: cacheSecond is not a member/],
    ['destinations: [http://a.example]', /is not https/],
    ['x', /^stdin:1:1: must be object/],
    ...['a\\r\\nHost: evil', ' a', '', 'ä'].map(
      (value) =>
        [
          `{"destinations": ["https://a.example"], "probe": {"method": "GET", "url": "https://a.example/", "headers": {"X-A": "${value}"}}}`,
          /the probe's header "X-A" cannot be sent/,
        ] as const,
    ),
  ] as const) {
    t.match(await admin.failure(put, { stdin: text }), { exit: 2, code: 'input_invalid', message });
  }
  for (const more of [destination, ['--no-scrub'], ['--query', 'a={b}']]) {
    t.match(await admin.failure([...put, ...more], { stdin }), {
      exit: 2,
      message: '--file takes all of the type from the file',
    });
  }
});

t.test('edits parts of a type and leaves the rest', async (t) => {
  const admin = await install(t);
  const before = (await admin.json(wildberries)).policy;
  const edit = async (...options: string[]) =>
    (await admin.json(['type', 'edit', 'wildberries', ...options])).policy;
  const other = 'https://other.example.com';
  t.same(await edit('--add-destination', other, '--cache-seconds', '5'), {
    ...before,
    destinations: [...before.destinations, other],
    cacheSeconds: 5,
  });
  t.same(
    await edit('--remove-destination', other, '--no-cache-seconds', '--add-public-field', 'a', 'b'),
    { ...before, publicFields: ['a', 'b'] },
  );
  t.same(await edit('--remove-public-field', 'a', 'b', '--no-scrub', '--unsafe-plaintext'), {
    ...before,
    scrub: false,
    unsafePlaintext: true,
  });
  t.same(
    await edit('--scrub', '--no-unsafe-plaintext', '--add-unsafe-allow-private', '10.0.0.0/8'),
    { ...before, unsafeAllowPrivate: ['10.0.0.0/8'] },
  );
  const limited = await edit('--add-limit', '50/s', '4 at once', '--limit-status', '429', '403');
  t.match(limited, { limits: ['50/s', '4 at once'], limitSignal: { statuses: [429, 403] } });
  t.match(await edit('--remove-limit', '50/s'), { limits: ['4 at once'], limitSignal: {} });
  t.same((await edit('--limit-body', '200:a:b', '400:c')).limitSignal, {
    bodies: [
      { status: 200, contains: 'a:b' },
      { status: 400, contains: 'c' },
    ],
  });
  t.match(await edit('--retry', '1', '--retry-method', 'PUT'), {
    retry: { max: 1, methods: ['PUT'] },
  });
  t.same((await edit('--error-body', '{"m":"{code}"}')).errorBody, { m: '{code}' });
  t.notOk('errorBody' in (await edit('--no-error-body')));
  const unlimited = await edit('--remove-limit', '4 at once', '--no-limit-signal', '--no-retry');
  t.notOk('limits' in unlimited || 'limitSignal' in unlimited || 'retry' in unlimited);
  t.match(await edit('--routed-by-query', 'a', 'b', '--routed-by-body'), {
    routedBy: { query: ['a', 'b'], body: true },
  });
  t.same((await edit('--routed-by-form', 'a')).routedBy, { form: ['a'] });
  t.notOk('routedBy' in (await edit('--no-routed-by')));
  const plain = 'https://a.example.net';
  t.same((await edit('--add-plain-destination', plain)).plainDestinations, [plain]);
  t.notOk('plainDestinations' in (await edit('--remove-plain-destination', plain)));
  t.match(await edit('--add-drop-query', 'a', 'b', '--add-drop-header', 'c'), {
    dropQuery: ['a', 'b'],
    dropHeaders: ['c'],
  });
  const dropping = await edit('--remove-drop-query', 'a', '--remove-drop-header', 'c');
  t.same([dropping.dropQuery, 'dropHeaders' in dropping], [['b'], false]);
  t.notOk('dropQuery' in (await edit('--remove-drop-query', 'b')));
  t.same((await edit('--add-key-member', 'a', 'b.c')).keyMembers, ['a', 'b.c']);
  t.notOk('keyMembers' in (await edit('--remove-key-member', 'a', 'b.c')));
  t.match(await edit('--query', 'key={token}', '--add-redact-member', 'access_token'), {
    injection: { scheme: 'query', query: { key: '{token}' } },
    redactMembers: ['access_token'],
    unsafeAllowPrivate: ['10.0.0.0/8'],
  });
  const dry = await admin.run([
    'type',
    'edit',
    'wildberries',
    '--add-destination',
    other,
    '--dry-run',
  ]);
  t.match(dry.stdout, /^wildberries would be replaced\n {2}destinations: /);
  t.match(await admin.run(['type', 'edit', 'wildberries', '--no-unsafe-plaintext']), {
    stdout: 'unchanged wildberries\n',
  });
});

t.test('refuses an edit that makes no sense', async (t) => {
  const admin = await install(t);
  await admin.json(wildberries);
  const rows: readonly (readonly [options: string[], message: RegExp])[] = [
    [[], /nothing is to be changed/],
    [
      ['--remove-destination', 'https://none.example'],
      /has no "https:\/\/none.example" among its destinations/,
    ],
    [['--remove-destination', 'https://api.example.com'], /no destination left/],
    [['--add-destination', 'http://a.example'], /not https/],
    [['--cache-seconds', 'x'], /not an integer/],
    [['--header', 'A: {b}', '--query', 'a={b}'], /only one of/],
  ];
  for (const [options, message] of rows) {
    const failure = await admin.failure(['type', 'edit', 'wildberries', ...options]);
    t.match(failure, { exit: 2, code: 'input_invalid', message }, options.join(' '));
  }
  const edit = (id: string) => ['type', 'edit', id, '--add-destination', 'https://a.example'];
  t.match(await admin.failure(edit('none')), { exit: 1, code: 'not_found' });
  admin.sql("UPDATE documents SET mac = 'AAAA'");
  t.match(await admin.failure(edit('wildberries')), { exit: 1, code: 'integrity_failed' });
});

t.test('replaces a type that does not open only when forced', async (t) => {
  const admin = await install(t);
  await admin.json(wildberries);
  admin.sql("UPDATE documents SET body = replace(body, 'api.', 'evil.')");
  t.match(await admin.failure(wildberries), { exit: 1, code: 'integrity_failed', hint: /--force/ });
  t.match(await admin.failure(['type', 'show', 'wildberries']), { code: 'integrity_failed' });
  const listed = await admin.run(['type', 'list']);
  t.match(listed, { code: 1, stdout: /wildberries +does not open\n/ });
  t.match(await admin.json([...wildberries, '--force']), { outcome: 'replaced', changes: [] });
  t.match(await admin.json(['type', 'show', 'wildberries']), { id: 'wildberries' });
});

t.test('lists and shows types', async (t) => {
  const admin = await install(t);
  t.equal((await admin.run(['type', 'list'])).stdout, 'no types\n');
  await admin.json(wildberries);
  await admin.json([
    'type',
    'put',
    'maps',
    ...destination,
    '--query',
    'a={token}',
    '--query',
    'b=c',
  ]);
  await admin.json([
    ...['type', 'put', 'erp', '--destination', 'http://erp.example.com', '--basic', '{u}:{p}'],
    ...['--unsafe-plaintext', '--unsafe-allow-private', '10.0.0.0/8', '--no-scrub'],
    ...['--cache-seconds', '5', '--public-field', 'u', '--redact-member', 'access_token'],
    ...['--limit', '50/s', '--limit', '20/min /v1/*', '--limit-status', '420'],
    ...['--retry', '1', '--retry-method', 'PUT'],
    ...['--routed-by-query', 'a', '--routed-by-query', 'b', '--routed-by-form', 'c'],
    ...['--routed-by-body', '--drop-query', 'sign', '--drop-query', 'oauth_*'],
    ...['--drop-header', 'Shop-Signature', '--plain-destination', 'https://a.example'],
    ...['--key-member', 'api_key', '--key-member', 'auth.token'],
  ]);
  t.equal(
    (await admin.run(['type', 'list'])).stdout,
    [
      'TYPE         DESTINATIONS             INJECTS                 CA',
      'erp          http://erp.example.com   basic {u}:{p}           default',
      'maps         https://api.example.com  ?a={token}&b=c          default',
      'wildberries  https://api.example.com  Authorization: {token}  default',
      '',
    ].join('\n'),
  );
  t.equal(
    (await admin.run(['type', 'show', 'erp'])).stdout,
    [
      'type                erp',
      'destinations        http://erp.example.com',
      'plain destinations  https://a.example',
      'injects             basic {u}:{p}',
      'ca                  default',
      'cache seconds       5',
      'scrubbing           off',
      'public fields       u',
      'redacted members    access_token',
      'limits              50/s, 20/min /v1/*',
      'limit signal        status 420, at most the default time',
      'retries             1 at most, also PUT',
      'routed by           query a b, form c, body',
      'dropped query       sign, oauth_*',
      'dropped headers     Shop-Signature',
      'key members         api_key, auth.token',
      'unsafe plaintext    allowed',
      'unsafe private      10.0.0.0/8',
      '',
    ].join('\n'),
  );
  t.match((await admin.run(['type', 'show', 'maps'])).stdout, /default\nscrubbing +on\n$/);
  t.match(await admin.failure(['type', 'show', 'none']), { exit: 1, code: 'not_found' });
});

t.test('deletes a type and says how many tokens stay', async (t) => {
  const admin = await install(t);
  await admin.json(wildberries);
  const put = ['token', 'put', '--client', 'shop-1', '--type', 'wildberries'];
  await admin.json(put, { stdin: 'x' });
  const { stdout, stderr } = await admin.run(['type', 'delete', 'wildberries', '--yes']);
  t.equal(stdout, 'deleted wildberries\n');
  t.match(stderr, '1 stored token (client shop-1); the rows stay stored\n');
  t.match(await admin.failure(['type', 'delete', 'wildberries']), { exit: 1, code: 'not_found' });
});

t.test('rejects with what failed inside an edit that is not a refusal', async (t) => {
  const admin = await install(t);
  const context = admin.context(t);
  await context.store.close();
  const broken = {
    ...context,
    store: { ...context.store, editDocument: () => Promise.reject(new TypeError('x')) },
  };
  const policy: Policy = { destinations: [], injection: { scheme: 'query', query: { a: '{b}' } } };
  await t.rejects(putType(broken, 'x', policy), TypeError);
});

t.test(
  'a failure of the program while a policy is checked is no fault of the policy',
  async (t) => {
    const admin = await install(t);
    const overflowing = { toString: () => overflow() } as unknown as string;
    const injection = { scheme: 'query', query: { a: '{b}' } } as const;
    for (const policy of [
      { destinations: [overflowing], injection },
      {
        destinations: [],
        injection,
        unsafeAllowPrivate: [{ split: overflow } as unknown as string],
      },
    ]) {
      await t.rejects(putType(admin.context(t), 'x', policy), { name: 'RangeError' });
    }
  },
);

function overflow(): never {
  return overflow();
}

t.test('a dry run rejects a name that the type could not have', async (t) => {
  const admin = await install(t);
  const put = wildberries.with(2, 'a\u200b');
  for (const options of [[], ['--dry-run']]) {
    const message = /^the name of the type has a character/;
    t.match(await admin.failure([...put, ...options]), { code: 'input_invalid', message });
  }
});

t.test('less redaction of a type that is granted is confirmed', async (t) => {
  const admin = await install(t);
  const edit = (...more: string[]) => admin.run(['type', 'edit', 'wildberries', ...more]);
  await admin.json([...wildberries, '--redact-member', 'access_token']);
  t.equal((await edit('--add-public-field', 'shop')).code, 0, 'nobody uses it yet');
  await admin.json(['app', 'create', 'reports']);
  await admin.json(['grant', 'add', 'reports', '--client', '*', '--type', 'wild*']);
  for (const [option, what] of [
    [['--no-scrub'], 'tokens'],
    [['--add-public-field', 'login'], 'the field login'],
    [['--remove-redact-member', 'access_token'], 'the member access_token'],
  ] as const) {
    const { code, stderr } = await edit(...option);
    t.equal(code, 2);
    t.match(
      stderr,
      `changing the type wildberries:\n  - answers of the type "wildberries" may show ${what}; granted to the app reports\n`,
    );
  }
  t.equal((await edit('--no-scrub', '--yes')).code, 0);
  t.equal((await edit('--add-public-field', 'login')).code, 0, 'nothing is redacted');
  t.equal((await edit('--scrub', '--remove-public-field', 'login')).code, 0);
});
