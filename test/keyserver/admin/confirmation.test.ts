import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { type Installation, install, wildberries } from './installation.ts';

/** A type with two tokens, an app with a grant and a proxy. */
async function setUp(t: Test): Promise<Installation> {
  const admin = await install(t);
  await admin.json(wildberries);
  for (const client of ['shop-1', 'shop-2']) {
    const argv = ['token', 'put', '--client', client, '--type', 'wildberries'];
    await admin.json(argv, { stdin: 'x' });
  }
  await admin.json(['app', 'create', 'reports']);
  await admin.json(['grant', 'add', 'reports', '--client', 'shop-*', '--type', 'wildberries']);
  await admin.json(['proxy', 'create', 'dc-1']);
  return admin;
}

const commands: readonly (readonly [argv: readonly string[], said: RegExp])[] = [
  [
    ['type', 'delete', 'wildberries'],
    /deleting the type wildberries:\n {2}- .*granted to the app reports\n {2}- .*2 stored tokens \(clients shop-1, shop-2\)/,
  ],
  [
    ['app', 'revoke', 'reports'],
    /revoking the app reports:\n {2}- .* deleted with 1 key that works and 1 grant$/m,
  ],
  [['proxy', 'revoke', 'dc-1'], /revoking the proxy dc-1:\n {2}- .* with 1 key that works$/m],
  [['app', 'rotate', 'reports'], /key of the app reports without --overlap:\n {2}- .*at once/],
  [['proxy', 'rotate', 'dc-1'], /key of the proxy dc-1 without --overlap:\n {2}- .*at once/],
];

for (const [argv, said] of commands) {
  t.test(`asks before ${argv.slice(0, 2).join(' ')}`, async (t) => {
    const admin = await setUp(t);
    const { store } = admin.context(t);
    const before = await store.documents();

    t.match(await admin.failure(argv), {
      exit: 2,
      code: 'confirmation_required',
      message: said,
      hint: 'nothing was changed; add --yes, or run it on a terminal',
    });
    for (const stdin of ['', '\n', 'n\n', 'nyes\n', 'yes no\n']) {
      const { code, stdout, stderr } = await admin.run(argv, { stdin, stdinIsTerminal: true });
      t.match({ code, stdout }, { code: 2, stdout: '' }, JSON.stringify(stdin));
      t.match(stderr, said);
      t.match(stderr, /go on\? \[y\/N\] error: not confirmed\n {2}nothing was changed\n$/);
    }
    t.same(await store.documents(), before, 'nothing was changed');

    const confirmed = await admin.run(argv, { stdin: 'Y\n', stdinIsTerminal: true });
    t.equal(confirmed.code, 0, confirmed.stderr);
    t.match(confirmed.stderr, said, 'said before');
    t.notSame(await store.documents(), before);
  });
}

t.test('goes on with --yes, and says the same', async (t) => {
  const admin = await setUp(t);
  for (const [argv, said] of commands.slice(1)) {
    if (argv[1] === 'rotate') continue;
    const { code, stderr } = await admin.run([...argv, '--yes']);
    t.equal(code, 0, stderr);
    t.match(stderr, said);
  }
  const { consequences } = await admin.json(['type', 'delete', 'wildberries', '--yes']);
  t.match(consequences, [/2 stored tokens/], 'no app is left that has a grant');
});

t.test('asks nothing if no key of a caller works, or an overlap is given', async (t) => {
  const admin = await setUp(t);
  await admin.json(['app', 'rotate', 'reports', '--overlap', '1h']);
  await admin.json(['app', 'rotate', 'reports', '--overlap', '0s']);
  t.match(await admin.failure(['app', 'rotate', 'nobody']), { exit: 1, code: 'not_found' });
});

t.test('asks before a grant or a limit takes away what stored tokens match', async (t) => {
  const admin = await setUp(t);
  const add = ['grant', 'add', 'reports', '--client', 'shop-1', '--type', 'wildberries'];
  const { id: narrow } = await admin.json(add);
  await admin.json(['grant', 'remove', 'reports', narrow]);
  const { id: unused } = await admin.json([...add.with(4, 'other')]);
  const [{ id: wide }] = await admin.json(['grant', 'list', 'reports']);
  const remove = ['grant', 'remove', 'reports', wide];
  const loss = /the app "reports" loses .*: 2 stored tokens \(clients shop-1, shop-2\)/;
  t.match(await admin.failure(remove), { exit: 2, code: 'confirmation_required', message: loss });
  const { code, stderr } = await admin.run(remove, { stdin: 'y\n', stdinIsTerminal: true });
  t.match({ code, stderr }, { code: 0, stderr: loss });
  await admin.json(['grant', 'remove', 'reports', unused]);
  t.match(await admin.failure(remove), { exit: 1, code: 'not_found' });

  const limit = ['proxy', 'limit', 'dc-1', '--client', 'shop-1', 'shop-2'];
  t.match(await admin.failure(limit), {
    code: 'confirmation_required',
    message: /the proxy "dc-1" obtains no tokens of clients but shop-1 shop-2 any more/,
  });
  await admin.json([...limit, '--yes']);
  await admin.json(['proxy', 'limit', 'dc-1', '--client', 'shop-*']);
  const { message } = await admin.failure(['proxy', 'limit', 'dc-1', '--client', 'shop-1']);
  t.match(message, /of clients shop-\* any more/);
  await admin.json(['proxy', 'limit', 'dc-1'], {});
});

t.test('asks nothing when a type is defined for tokens that are there already', async (t) => {
  const admin = await setUp(t);
  await admin.json(['type', 'delete', 'wildberries', '--yes']);
  const put = ['type', 'put', 'wildberries', '--destination', 'https://api.example.com'];
  t.match(await admin.json([...put, '--query', 'key={apiKey}']), {
    outcome: 'created',
    consequences: [],
  });
});

t.test('does only what it said: another change meanwhile ends it', async (t) => {
  const admin = await setUp(t);
  const { store } = admin.context(t);
  const [{ id: grant }] = await admin.json(['grant', 'list', 'reports']);
  const add = ['grant', 'add', 'reports', '--type', 'x', '--client'];
  const rows: readonly (readonly [argv: readonly string[], meanwhile: readonly string[]])[] = [
    [
      ['type', 'delete', 'wildberries'],
      ['type', 'edit', 'wildberries', '--add-destination', 'https://b.example'],
    ],
    [
      ['app', 'revoke', 'reports'],
      [...add, 'a'],
    ],
    [
      ['grant', 'remove', 'reports', grant],
      [...add, 'b'],
    ],
    [
      ['proxy', 'revoke', 'dc-1'],
      ['proxy', 'limit', 'dc-1', '--client', '*'],
    ],
    [
      ['proxy', 'limit', 'dc-1', '--client', 'shop-1'],
      ['proxy', 'limit', 'dc-1', '--client', 'shop-*', '--yes'],
    ],
  ];
  for (const [argv, meanwhile] of rows) {
    let after: unknown;
    async function* yes() {
      await admin.json(meanwhile);
      after = await store.documents();
      yield Buffer.from('y\n');
    }
    const { code, stderr } = await admin.run(argv, { stdin: yes(), stdinIsTerminal: true });
    t.equal(code, 1, argv.join(' '));
    t.match(stderr, /go on.*error: somebody else has changed the .* meanwhile\n.*run the command/);
    t.same(await store.documents(), after, 'nothing but the other change');
  }
});

t.test('asks nobody who does not see the question', async (t) => {
  const admin = await setUp(t);
  const half = { stdin: 'y\n', stdinIsTerminal: true, stderrIsTerminal: false };
  t.match(await admin.failure(['app', 'revoke', 'reports'], half), {
    exit: 2,
    code: 'confirmation_required',
    hint: 'nothing was changed; add --yes, or run it on a terminal',
  });
});

t.test('asks with --json as without, and shows the plan before', async (t) => {
  const admin = await setUp(t);
  writeFileSync(join(admin.folder, 'none.yaml'), 'apps: {}\n');
  const { code, stdout, stderr } = await admin.run(
    ['apply', '-f', 'none.yaml', '--prune', '--json'],
    { stdin: 'y\n', stdinIsTerminal: true },
  );
  t.equal(code, 0);
  t.match(stderr, /^- app reports\napplying none\.yaml:\n.*\ngo on\? \[y\/N\] $/);
  t.match(JSON.parse(stdout), { changes: ['- app reports'] });
});

t.test('asks before something else than rules of grants selects operations', async (t) => {
  const admin = await setUp(t);
  const edit = ['type', 'edit', 'wildberries'];
  const routes = [...edit, '--routed-by-query', 'a', 'b', '--routed-by-form', 'a'];
  t.match(await admin.json([...routes, '--dry-run']), { consequences: [] });
  const grant = ['grant', 'add', 'reports', '--client', 'shop-*', '--type', 'wild*'];
  await admin.json([...grant, '--method', 'GET']);
  const end = 'need a grant without methods and paths; with some it is granted to the app reports';
  t.same((await admin.json([...routes, '--yes'])).consequences, [
    `calls of the type "wildberries" with a or b in the query ${end}`,
    `calls of the type "wildberries" with a in the form ${end}`,
  ]);
  const fewer = [...edit, '--routed-by-query', 'b', '--routed-by-form', 'c'];
  t.same((await admin.json([...fewer, '--yes'])).consequences, [
    `calls of the type "wildberries" with c in the form ${end}`,
  ]);
  const { message } = await admin.failure([...edit, '--routed-by-body']);
  t.match(message, `calls of the type "wildberries" ${end}`);
  await admin.json([...edit, '--routed-by-body', '--yes']);
  t.match(await admin.json([...edit, '--no-routed-by']), { consequences: [] });
});

t.test('asks before a token endpoint comes where calls go, or is taken away', async (t) => {
  const admin = await setUp(t);
  const { policy } = await admin.json(['type', 'show', 'wildberries']);
  const url = `${policy.destinations[0]}/oauth/token`;
  const edit = ['type', 'edit', 'wildberries'];
  const elsewhere = [...edit, '--add-token-endpoint', 'https://login.example/token'];
  t.same((await admin.json(elsewhere)).consequences, []);
  const added = await admin.failure([...edit, '--add-token-endpoint', url]);
  t.match(
    added.message,
    `${url} go there no more: the proxy answers them; granted to the app reports`,
  );
  await admin.json([...edit, '--add-token-endpoint', url, '--yes']);
  const removed = await admin.failure([...edit, '--remove-token-endpoint', url]);
  t.match(removed.message, `no SDK gets a token of the type "wildberries" at ${url} any more`);
});

t.test('asks before a plain destination is taken away', async (t) => {
  const admin = await setUp(t);
  const plain = 'https://a.example.net';
  const edit = ['type', 'edit', 'wildberries'];
  await admin.json([...edit, '--add-plain-destination', plain]);
  const { message } = await admin.failure([...edit, '--remove-plain-destination', plain]);
  t.match(
    message,
    `calls of the type "wildberries" go to ${plain} no more; granted to the app reports`,
  );
  const moved = [...edit, '--remove-plain-destination', plain, '--add-destination', plain];
  t.same((await admin.json(moved)).consequences, []);
});
