import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import t from 'tap';
import { parse } from 'yaml';
import { changeDocument } from '../../../keyserver/operations/documents.ts';
import { toYaml } from '../../../keyserver/operations/fleet/export.ts';
import { callerKeyHash, isCallerKey } from '../../../shared/crypto/caller-key.ts';
import { largeFleet, yamlOf } from './fleet.ts';
import { type Installation, install } from './installation.ts';

const small = `
types:
  wildberries:
    destinations: [https://api.example.com]
    injection: { scheme: headers, headers: { Authorization: "{token}" } }
apps:
  reports:
    grants:
      - client: shop-*
        type: wildberries
        methods: [GET]
        paths: [/v1/orders/*]
proxies:
  dc-1:
`;

/** Runs a command on a file, through stdin. */
const on = (admin: Installation, command: string, text: string, ...options: string[]) =>
  admin.run([command, '--file', '-', ...options], { stdin: text });

/** Applies a file that must be taken. */
async function apply(admin: Installation, text: string, ...options: string[]) {
  const ended = await on(admin, 'apply', text, ...options);
  if (ended.code !== 0) throw new Error(ended.stderr);
  return ended;
}

async function plan(admin: Installation, text: string, ...options: string[]) {
  const { code, stdout, stderr } = await on(admin, 'plan', text, ...options);
  return { code, lines: stdout.trimEnd().split('\n'), stderr };
}

t.test('makes a fleet from an empty database, and then changes nothing', async (t) => {
  const admin = await install(t);
  const file = yamlOf(largeFleet());
  const { store } = admin.context(t);
  t.match(await plan(admin, file), { code: 2 });
  t.equal(await store.lastSeq(), 0, 'a plan changes nothing');

  const { stdout } = await apply(admin, file);
  t.equal(stdout.trimEnd().split('\n').length, 10 + 30 + 200 + 2);
  t.equal(await store.lastSeq(), 42, 'a number a document');
  t.equal((await admin.json(['grant', 'list'])).length, 200);

  t.equal((await apply(admin, file)).stdout, 'no changes\n');
  t.equal(await store.lastSeq(), 42);
  t.match(await plan(admin, file), { code: 0, lines: ['no changes'] });
  const exported = (await admin.run(['export'])).stdout;
  t.match(await plan(admin, exported, '--prune'), { code: 0 }, 'the export is the same fleet');
  t.same(parse(exported), await admin.json(['export']));
});

t.test('shows a change of one line as one line', async (t) => {
  const admin = await install(t);
  await apply(admin, small);
  const changes: readonly (readonly [from: string, to: string, line: string])[] = [
    [
      'GET',
      'GET, POST',
      '~ grant of reports (client shop-*, type wildberries, GET, /v1/orders/*): methods + POST',
    ],
    [
      '/v1/orders/*]',
      '/v2/*]',
      '~ grant of reports (client shop-*, type wildberries, GET, /v1/orders/*): paths + /v2/* - /v1/orders/*',
    ],
    [
      'shop-*',
      'shop-1',
      '~ grant of reports (client shop-*, type wildberries, GET, /v1/orders/*): client "shop-*" -> "shop-1"',
    ],
    [
      '        methods: [GET]\n',
      '',
      '~ grant of reports (client shop-*, type wildberries, GET, /v1/orders/*): methods GET -> all',
    ],
    ['  reports:\n', '  reports:\n    direct: true\n', '~ app reports: direct not set -> true'],
    [
      'api.example.com]',
      'api.example.com, https://b.example.com]',
      '~ type wildberries: destinations + https://b.example.com',
    ],
    [
      '{token}',
      'Bearer {token}',
      '~ type wildberries: injection Authorization: {token} -> Authorization: Bearer {token}',
    ],
    ['com]\n', 'com]\n    cacheSeconds: 5\n', '~ type wildberries: cacheSeconds not set -> 5'],
    ['dc-1:', 'dc-1: { clients: [a] }', '~ proxy dc-1: clients all -> a'],
    [
      'dc-1:',
      'dc-1: { certificateNames: [a.example] }',
      '~ proxy dc-1: certificateNames none needed -> a.example',
    ],
    ['dc-1:', 'dc-1:\n  dc-2: { types: [a] }', '+ proxy dc-2: types a'],
    ['proxies:', '  idle: { grants: [] }\nproxies:', '+ app idle'],
  ];
  for (const [from, to, line] of changes) {
    t.match(await plan(admin, small.replace(from, to)), { code: 2, lines: [line] }, line);
  }
});

t.test('takes the order of lists for nothing', async (t) => {
  const admin = await install(t);
  const file = (methods: string, clients: string) =>
    `${small.replace('GET', methods)}    clients: [${clients}]\n`;
  await apply(admin, file('GET, PUT', 'a, b'));
  t.match(await plan(admin, file('PUT, GET', 'b, a')), { code: 0 });
});

t.test('plan exits with 1 for a misspelt option, wherever the options stand', async (t) => {
  const admin = await install(t);
  for (const argv of [
    ['plan', '--flie'],
    ['-o', 'json', 'plan', '--flie'],
    ['--jsno', 'plan'],
  ]) {
    t.equal((await admin.run(argv)).code, 1, argv.join(' '));
  }
  t.equal((await admin.run(['app', 'show', '--flie', 'plan'])).code, 2);
});

t.test('names every fault with line and column, and plan exits with 1', async (t) => {
  const admin = await install(t);
  const file = `types:
  a:
    destinations: [https://api.example.com]
    injection: {scheme: headers, headers: {Authorization: {token}}}
    cacheSecond: 5
  b: {destinations: [1], injection: {scheme: foo}}
apps:
  012: {grants: []}
  x:
    grants:
    - {client: 12, type: a, methods: [get]}
  y: {}
`;
  const faults = [
    /-:8:3: apps\.12 is read as another value than a text: quote it/,
    /-:5:5: types\.a\.cacheSecond is not a member of this/,
    /-:4:59: types\.a\.injection\.headers\.Authorization must be string/,
    /-:6:22: types\.b\.destinations\[0\] must be string/,
    /-:6:37: types\.b\.injection must have a scheme: one of headers, query, basic/,
    /-:11:16: apps\.x\.grants\[0\]\.client must be string/,
    /-:11:39: apps\.x\.grants\[0\]\.methods\[0\] must be one of GET, /,
    /-:12:6: apps\.y must have required property 'grants'/,
  ].map(({ source }) => new RegExp(source.replace('-:', 'stdin:')));
  const failure = await admin.failure(['plan', '--file', '-'], { stdin: file });
  t.match(failure, { exit: 1, code: 'input_invalid', message: /^stdin has 8 faults:/ });
  for (const fault of faults) t.match(failure.message, fault);
  t.match(await admin.failure(['apply', '--file', '-'], { stdin: file }), { exit: 2 });
});

t.test('names what is wrong with a document by the place of it', async (t) => {
  const admin = await install(t);
  const rows: readonly (readonly [file: string, message: RegExp])[] = [
    ['types: [', /^stdin:1:9: Flow sequence/],
    ['a: 1\n---\nb: 2', /^stdin:\d:\d: Source contains multiple documents/],
    ['types: {}\ntypes: {}', /^stdin:2:1: Map keys must be unique/],
    ['', /^stdin:1:1: must have types, apps, proxies$/],
    ['- a', /must have types, apps, proxies$/],
    ['apps:', /^stdin:1:6: apps must be object$/],
    ['toString: {}', /^stdin:1:1: toString is not a member/],
    [
      'apps:\n  a: {grants: [{client: a, type: *wild}]}',
      /^stdin:2:34: \*wild is read as an alias of nothing: quote it$/,
    ],
    ['app: {}', /^stdin:1:1: app is not a member/],
    [
      'types:\n  a: {destinations: [http://a.example]}',
      /^stdin:2:3: types\.a: destination .*https/,
    ],
    ['types:\n  "a\\u200b": {destinations: []}', /name of the type has a character/],
    ['apps:\n  "": {grants: []}', /^stdin:2:3: apps\.: the name of the app is empty/],
    ['proxies:\n  a: {clients: [a*b]}', /^stdin:2:6: proxies\.a: .*only one \*/],
    [
      'proxies:\n  a: {clients: []}',
      /^stdin:2:16: proxies\.a\.clients must not have fewer than 1 item/,
    ],
    [
      'proxies:\n  a: {certificateNames: []}',
      /a\.certificateNames must not have fewer than 1 item/,
    ],
    ['proxies: []', /^stdin:1:10: proxies must be object$/],
    ['proxies: !!set {a}', /^stdin:1:10: Unresolved tag: tag:yaml\.org,2002:set$/],
    ['apps: !!omap []', /^stdin:1:7: Unresolved tag: tag:yaml\.org,2002:omap$/],
    ['types: !own {}', /^stdin:1:8: Unresolved tag: !own$/],
    ['proxies:\n  a: {certificateNames: ["*.a"]}', /^stdin:2:6: .*not the name of a certificate/],
    ['apps:\n  a: {grants: [{client: a, type: a, paths: [v1]}]}', /^stdin:2:16: .*neither a path/],
    [`x: &a [1]\n${'y: [*a, *a]\n'.repeat(2)}`, /faults|unique/],
  ];
  for (const [stdin, message] of rows) {
    const failure = await admin.failure(['plan', '-f', '-'], { stdin });
    t.match(failure, { exit: 1, code: 'input_invalid', message }, stdin);
  }
  for (const argv of [
    ['plan'],
    ['plan', '--fil', 'x'],
    ['plan', '-f', 'nowhere.yaml'],
    ['--jsn', 'plan', '-f', 'x'],
  ]) {
    t.match(await admin.failure(argv), { exit: 1 }, argv.join(' '));
  }
  const bomb = [
    'a0: &a0 x',
    ...Array.from({ length: 9 }, (_, n) => `a${n + 1}: &a${n + 1} [${Array(9).fill(`*a${n}`)}]`),
  ];
  t.match(await admin.failure(['plan', '-f', '-'], { stdin: bomb.join('\n') }), {
    exit: 1,
    message: /aliases are too many/,
  });
});

t.test('takes a JSON file, and tells the schema', async (t) => {
  const admin = await install(t);
  writeFileSync(join(admin.folder, 'fleet.json'), JSON.stringify(largeFleet(), null, 2));
  t.match(await admin.json(['apply', '-f', 'fleet.json']), { consequences: [], kept: [] });
  const schema = await admin.json(['export', '--schema']);
  const validate = new Ajv2020({ strict: false }).compile(schema);
  t.ok(validate(await admin.json(['export'])), JSON.stringify(validate.errors));
  t.notOk(validate({ apps: { a: { grants: [], keys: [] } } }));
});

t.test('deletes only when told, and only of the kinds that the file has', async (t) => {
  const admin = await install(t);
  await apply(admin, small);
  const without = 'types: {}\napps: {}\n';
  const { code, lines, stderr } = await plan(admin, without);
  t.match({ code, lines }, { code: 0, lines: ['no changes'] });
  t.match(
    stderr,
    '2 documents not in the file stay (--prune deletes): type wildberries, app reports',
  );
  const pruned = await plan(admin, without, '--prune');
  t.match(pruned, { code: 2, lines: ['- type wildberries', '- app reports'] });
  t.match(pruned.stderr, /this asks for confirmation:\n {2}- the app "reports" is deleted/);
  t.match(await on(admin, 'apply', without, '--prune'), {
    code: 2,
    stdout: '',
    stderr: /^error: confirmation needed: applying -:/,
  });
  await apply(admin, without, '--prune', '--yes');
  t.same(await admin.json(['app', 'list']), []);
  t.equal((await admin.json(['proxy', 'list'])).length, 1, 'the file says nothing of proxies');
});

t.test('says before what stored tokens and working apps would lose', async (t) => {
  const admin = await install(t);
  await apply(admin, small, '--keys-to', 'keys');
  const put = ['token', 'put', '--client', 'shop-1', '--type', 'wildberries'];
  await admin.json(put, { stdin: 'x' });
  await admin.json([...put, '--client', 'other'], { stdin: 'x' });
  const losses: readonly (readonly [from: string, to: string, loss: RegExp])[] = [
    [
      'GET',
      'PUT',
      /the app "reports" loses client shop-\*, type wildberries, GET, \/v1\/orders\/\*: 1 stored token \(client shop-1\)/,
    ],
    ['/v1/orders/*', '/v1/orders/1', /loses .* \/v1\/orders\/\*: 1 stored token/],
    [
      '{token}',
      '{apiKey}',
      /would not be filled by 2 stored tokens \(clients other, shop-1\): the secret has no field "apiKey"/,
    ],
    [
      'api.example.com',
      'api.example.com/v2',
      /go to https:\/\/api\.example\.com no more; granted to the app reports/,
    ],
    [
      'dc-1:',
      'dc-1: { clients: [shop-1] }',
      /the proxy "dc-1" obtains no tokens of clients but shop-1/,
    ],
    ['dc-1:', 'dc-1: { certificateNames: [a.example] }', /only with the certificate a\.example/],
  ];
  for (const [from, to, loss] of losses) {
    const file = small.replace(from, to);
    t.match((await plan(admin, file)).stderr, loss, to);
    t.match(await on(admin, 'apply', file), { code: 2, stdout: '', stderr: loss }, to);
  }
  for (const [from, to] of [
    ['GET', 'GET, PUT'],
    ['/v1/orders/*', '/v1/*'],
    ['shop-*', '"*"'],
    ['{token}', 'Bearer {token}'],
    ['api.example.com', '*.example.com'],
  ] as const) {
    t.match((await plan(admin, small.replace(from, to))).stderr, /^$/, to);
  }
  const typed = await admin.run(['apply', '-f', 'narrow.yaml'], {
    stdin: 'y\n',
    stdinIsTerminal: true,
  });
  t.match(typed, { code: 2, stderr: /ENOENT/ });
  writeFileSync(join(admin.folder, 'narrow.yaml'), small.replace('GET', 'PUT'));
  const { stderr } = await admin.run(['apply', '-f', 'narrow.yaml'], {
    stdin: 'y\n',
    stdinIsTerminal: true,
  });
  t.match(stderr, /^~ grant of reports.*\napplying .*:\n.*\ngo on\?/, 'the plan comes first');
});

t.test('says what a direct app would not receive itself any more', async (t) => {
  const admin = await install(t);
  const direct = (...grants: string[]) =>
    small.replace(
      / {2}reports:[\s\S]*(?=proxies)/,
      `  sync: { direct: true, grants: [${grants}] }\n`,
    );
  const all = '{client: "*", type: "*"}';
  await apply(admin, direct(all), '--keys-to', 'keys');
  for (const client of ['shop-1', 'shop-2']) {
    const put = ['token', 'put', '--client', client, '--type', 'wildberries'];
    await admin.json(put, { stdin: 'x' });
  }
  const spelled =
    '{client: "*", type: "*", methods: [GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS]}';
  const loss = (tokens: string) =>
    `  - the app "sync" does not receive ${tokens} any more: the grants that are left limit methods or paths\n`;
  const rows: readonly (readonly [grants: string[], stderr: string])[] = [
    [[spelled], loss('2 stored tokens (clients shop-1, shop-2)')],
    [[spelled, '{client: shop-1, type: "*"}'], loss('1 stored token (client shop-2)')],
    [[spelled, '{client: shop-1, type: "*"}', '{client: shop-2, type: "*"}'], ''],
    [[spelled, '{client: shop-*, type: wildberries}'], ''],
  ];
  for (const [grants, said] of rows) {
    const { stderr } = await plan(admin, direct(...grants));
    t.equal(stderr, said && `this asks for confirmation:\n${said}`, `${grants}`);
  }
});

t.test('writes keys of new apps and proxies only into files', async (t) => {
  const admin = await install(t);
  const file = small.replace('reports', '"a b/c"');
  const bare = await apply(admin, file);
  t.match(
    bare.stderr,
    "the app a b/c has no key; give it a new key: keyserver-admin app rotate 'a b/c'\n",
  );
  t.match(bare.stderr, 'the proxy dc-1 has no key; ');
  t.match(await admin.json(['app', 'list']), [{ id: 'a b/c', keys: [] }]);

  const { stdout, stderr } = await apply(admin, file, '--keys-to', 'keys');
  t.equal(
    stdout,
    'no changes\nnew key in keys/app-a%20b%2Fc.key\nnew key in keys/proxy-dc-1.key\n',
  );
  t.equal(stderr, '');
  const folder = join(admin.folder, 'keys');
  t.same(readdirSync(folder).sort(), ['app-a%20b%2Fc.key', 'proxy-dc-1.key']);
  const read = (name: string) => readFileSync(join(folder, name), 'utf8').trimEnd();
  t.equal(statSync(join(folder, 'app-a%20b%2Fc.key')).mode & 0o777, 0o600);
  t.ok(isCallerKey(read('proxy-dc-1.key'), 'spx_'));
  const [{ keys }] = await admin.json(['app', 'list']);
  t.match(callerKeyHash(read('app-a%20b%2Fc.key')), new RegExp(`^.{0,60}${keys[0].fingerprint}`));

  const again = await apply(admin, file, '--keys-to', 'keys');
  t.equal(again.stdout, 'no changes\n', 'keys that exist stay');
  t.notMatch((await admin.run(['export'])).stdout, /hash|key:|keys:/);
});

t.test("is in nobody's way: a key file that exists changes nothing", async (t) => {
  const admin = await install(t);
  mkdirSync(join(admin.folder, 'keys'));
  writeFileSync(join(admin.folder, 'keys/proxy-dc-1.key'), 'kept');
  for (const folder of ['keys', 'keys/proxy-dc-1.key']) {
    t.match(await on(admin, 'apply', small, '--keys-to', folder), {
      code: 74,
      stdout: '',
      stderr: /proxy-dc-1\.key already|cannot use the folder/,
    });
  }
  t.same(await admin.json(['app', 'list']), []);
  t.same(readdirSync(join(admin.folder, 'keys')), ['proxy-dc-1.key']);
  t.equal(readFileSync(join(admin.folder, 'keys/proxy-dc-1.key'), 'utf8'), 'kept');
});

t.test('never replaces a document that does not open', async (t) => {
  const admin = await install(t);
  await apply(admin, small);
  admin.sql("UPDATE documents SET mac = 'AAAA' WHERE kind = 'app'");
  for (const command of ['plan', 'apply']) {
    t.match(await on(admin, command, small), { code: 1, stderr: /"reports" does not open/ });
  }
  t.match(await admin.failure(['export']), { exit: 1, code: 'integrity_failed' });
  const pruned = await plan(admin, 'apps: {}', '--prune');
  t.match(pruned, { code: 2, lines: ['- app reports'], stderr: /is deleted; it does not open/ });
  await apply(admin, 'apps: {}', '--prune', '--yes');
  t.same(await admin.json(['app', 'list']), []);
});

t.test('gives a key to a proxy of the name that an app without a key has', async (t) => {
  const admin = await install(t);
  const file = 'apps: {anonymous: {grants: []}}\nproxies: {anonymous: {}}';
  const { keyless } = await admin.json(['apply', '-f', '-'], { stdin: file });
  t.same(keyless, [{ kind: 'proxy', id: 'anonymous' }]);
});

t.test('takes what is stored already, though it would not be taken now', async (t) => {
  const admin = await install(t);
  await apply(admin, small);
  const context = admin.context(t);
  const old = { client: 'a', type: 'wildberries', paths: ['/v1/../v2'] };
  await changeDocument(context, 'app', 'reports', () => ({ keys: [], grants: [old] }));
  await changeDocument(context, 'proxy', 'dc-1', () => ({ keys: [], clients: ['a*b'] }));
  const { stdout } = await admin.run(['export']);
  t.match(await plan(admin, stdout), { code: 0, lines: ['no changes'] });
  t.match(await plan(admin, stdout.replace('client: a', 'client: b')), {
    code: 1,
    stderr: /^error: stdin:\d+:\d+: apps\.reports\.grants\[0\]: the path "\/v1\/\.\.\/v2"/,
  });
  t.match(await plan(admin, stdout.replace('a*b', 'a*c')), { code: 1, stderr: /only one \*/ });
});

t.test('warns of a type that stays with a fault, and refuses it as a new one', async (t) => {
  const admin = await install(t);
  const policy = {
    destinations: ['https://10.0.0.1'],
    injection: { scheme: 'query' as const, query: { a: '{b}' } },
  };
  await changeDocument(admin.context(t), 'type', 'erp', () => policy);
  const fault = /destination "https:\/\/10.0.0.1" is an address .*unsafeAllowPrivate 10.0.0.1\/32/;
  const { code, lines, stderr } = await plan(admin, yamlOf({ types: { erp: policy } }));
  t.same([code, lines], [0, ['no changes']]);
  t.match(stderr, new RegExp(`note: the type erp stays as it is: ${fault.source}`));
  const fresh = await on(admin, 'apply', yamlOf({ types: { other: policy } }), '--yes');
  t.equal(fresh.code, 2);
  t.match(fresh.stderr, fault);
});

t.test('warns of a grant whose type is nowhere', async (t) => {
  const admin = await install(t);
  const file = small.replace('type: wildberries', 'type: wildberies');
  t.match(
    (await plan(admin, file)).stderr,
    /a grant of the app reports matches no type: .*wildberies/,
  );
});

t.test('refuses new rules for a type whose bodies select the operation', async (t) => {
  const admin = await install(t);
  const routed = small.replace('    injection', '    routedBy: { body: true }\n    injection');
  const refused = await on(admin, 'apply', routed);
  t.equal(refused.code, 2);
  t.match(
    refused.stderr,
    /8:3: apps.reports: bodies select the operation of the type "wildberries"/,
  );
  await apply(admin, small);
  t.equal((await on(admin, 'apply', routed, '--yes')).code, 0, 'one that is stored stays');
  const other = routed.replace('GET', 'POST');
  t.equal((await on(admin, 'apply', other, '--yes')).code, 2);
  const free = routed.replace(/ +methods:.*\n +paths:.*\n/, '');
  t.equal((await on(admin, 'apply', free, '--yes')).code, 0);
  t.match((await admin.run(['export'])).stdout, /routedBy:\n +body: true/);
});

t.test('no name of a file makes a line of its own in a message', async (t) => {
  const admin = await install(t);
  for (const name of ['a\\nerror: made up', 'a\\rb', 'a\\u2028b\\u202ec\\e[31m']) {
    const { code, stderr } = await on(admin, 'plan', `apps: { "${name}": { grants: [] } }`);
    t.equal(code, 1);
    t.match(
      stderr,
      /^error: stdin:1:9: apps\."a.*": the name of the app has a control character\n {2}\S.*\n$/,
    );
  }
});

t.test('an export has control characters as escapes, and says the same', async (t) => {
  const ca = '-----BEGIN CERTIFICATE-----\r\nAAAA\r\n-----END CERTIFICATE-----\r\n';
  const type = { ca, 'a\tb': 'x\u0085\u202e\u2028\u0007', c: 'one\ntwo\n', d: 'é\u200d🛒' };
  const fleet = { types: { type } } as unknown as Parameters<typeof toYaml>[0];
  const text = toYaml(fleet, ['heading']);
  t.same(parse(text), fleet);
  t.notMatch(text.replaceAll('\n', ''), /[\p{Cc}\p{Zl}\u202e]/u);
});

t.test('a file that cannot be read is named', async (t) => {
  const admin = await install(t);
  for (const argv of [
    ['plan', '-f', 'none.yaml'],
    ['apply', '-f', 'none.yaml'],
    ['type', 'put', 'x', '--file', 'none.yaml'],
  ]) {
    const { code, stderr } = await admin.run(argv);
    t.not(code, 0);
    t.match(stderr, /^error: cannot read none\.yaml \(ENOENT\)$/m);
  }
});

t.test(
  'rejects a file that is not UTF-8, whose names would not be those that it has',
  async (t) => {
    const admin = await install(t);
    const text = 'apps:\n  café: {}\n';
    for (const stdin of [Buffer.from(text, 'latin1'), Buffer.from(text, 'utf16le')]) {
      t.match(await admin.failure(['apply', '--file', '-'], { stdin }), {
        ...{ exit: 2, code: 'input_invalid', message: 'stdin is not text in UTF-8' },
      });
    }
    writeFileSync(join(admin.folder, 'fleet.yaml'), text, 'latin1');
    t.match(await admin.failure(['apply', '--file', 'fleet.yaml']), {
      message: 'fleet.yaml is not text in UTF-8',
    });
    t.same(await admin.json(['app', 'list']), []);
  },
);
