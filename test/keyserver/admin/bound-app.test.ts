import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { isBoundKey } from '../../../shared/crypto/caller-key.ts';
import { type Installation, install } from './installation.ts';

const toOzon = { clientId: 'shop-1', tokenType: 'ozon' };

async function withType(t: Parameters<typeof install>[0]): Promise<Installation> {
  const admin = await install(t);
  await admin.json(['type', 'put', 'ozon', '--destination', 'https://api.example.com']);
  return admin;
}

const apply = (admin: Installation, text: string, ...options: string[]) =>
  admin.run(['apply', '--file', '-', ...options], { stdin: text });

t.test('makes a key that routes by itself, and names what it needs', async (t) => {
  const admin = await install(t);
  const { code, stdout, stderr } = await admin.run([
    'app',
    'create',
    'sdk',
    '--bind',
    'shop-1/ozon',
  ]);
  t.equal(code, 0);
  t.ok(isBoundKey(stdout));
  t.equal(
    stderr,
    [
      'created the app sdk; its key is shown only this once',
      'note: no type is called "ozon" yet',
      'note: no token of "shop-1" of this type is stored yet',
      'note: no grant allows calls yet; grant it: keyserver-admin grant add sdk --client shop-1 --type ozon',
      '',
    ].join('\n'),
  );
  await admin.json(['type', 'put', 'ozon', '--destination', 'https://api.example.com']);
  await admin.json(['token', 'put', '--client', 'shop-1', '--type', 'ozon'], { stdin: 'a-secret' });
  const complete = await admin.run(['app', 'create', 'two', '--bind', 'shop-1/ozon']);
  t.notMatch(complete.stderr, /no type|no token/);
  t.match(await admin.json(['app', 'create', 'three', '--bind', 'shop-1/ozon']), { bound: toOzon });
});

t.test('shows and lists bindings, and keeps them when keys are rotated', async (t) => {
  const admin = await withType(t);
  await admin.json(['app', 'create', 'plain']);
  await admin.json(['app', 'create', 'sdk', '--bind', 'shop-1/ozon']);
  for (const options of [['--yes'], ['--overlap', '1h']])
    t.ok(isBoundKey((await admin.json(['app', 'rotate', 'sdk', ...options])).key));
  t.notOk(isBoundKey((await admin.json(['app', 'rotate', 'plain', '--yes'])).key));
  t.match(await admin.json(['app', 'show', 'sdk']), { bound: toOzon });
  t.match(
    (await admin.run(['app', 'show', 'sdk'])).stdout,
    /^sdk, with 0 grants, bound to shop-1\/ozon\n/,
  );
  t.match((await admin.run(['app', 'show', 'plain'])).stdout, /^plain, with 0 grants\n/);
  t.match(await admin.json(['app', 'list']), [{ bound: null }, { bound: toOzon }]);
  t.match((await admin.run(['app', 'list'])).stdout, /sdk +no +shop-1\/ozon +0/);
});

t.test('takes the names of /forward, and nothing else', async (t) => {
  const admin = await install(t);
  for (const [text, bound] of [
    ['a%2Fb/c%25', { clientId: 'a/b', tokenType: 'c%' }],
    ['магазин 1/озон', { clientId: 'магазин 1', tokenType: 'озон' }],
  ] as const) {
    const [id] = [`app ${text}`];
    await admin.json(['app', 'create', id, '--bind', text]);
    t.match(await admin.json(['app', 'show', id]), { bound });
    t.match((await admin.run(['app', 'show', id])).stdout, `bound to ${text}\n`);
  }
  for (const text of ['', 'shop-1', '/ozon', 'shop-1/', 'a/b/c', 'a%/b', '%00/b', '/forward/a/b']) {
    const failure = await admin.failure(['app', 'create', 'sdk', '--bind', text]);
    t.match(failure, { exit: 2, code: 'input_invalid' }, text);
  }
  t.match(await admin.failure(['app', 'create', 'anonymous', '--bind', 'a/b']), {
    code: 'input_invalid',
    hint: 'leave --bind away',
  });
  t.equal((await admin.json(['app', 'list'])).length, 2);
});

t.test('a file of apps has bindings, and keys are made by them', async (t) => {
  const admin = await withType(t);
  const file = (bound: string, grants = '[{ client: shop-1, type: ozon }]') =>
    `apps: { sdk: { ${bound} grants: ${grants} } }`;
  const toFirst = 'bound: { clientId: shop-1, tokenType: ozon },';
  const planned = await admin.run(['plan', '--file', '-'], { stdin: file(toFirst) });
  t.match(planned.stdout, '+ app sdk: bound shop-1/ozon\n');
  t.equal((await apply(admin, file(toFirst), '--keys-to', 'keys')).code, 0);
  t.ok(isBoundKey(readFileSync(join(admin.folder, 'keys', 'app-sdk.key'), 'utf8')));
  t.ok(isBoundKey((await admin.json(['app', 'rotate', 'sdk', '--yes'])).key));
  t.match(await admin.json(['export']), { apps: { sdk: { bound: toOzon } } });
  t.equal((await apply(admin, file(toFirst))).stdout, 'no changes\n');

  const moved = file('bound: { clientId: shop-2, tokenType: ozon },');
  const refused = await apply(admin, moved);
  t.equal(refused.code, 2);
  t.match(
    refused.stderr,
    'the app "sdk" is not bound to shop-1/ozon any more: its calls go to shop-2/ozon',
  );
  const { stdout, stderr } = await apply(admin, moved, '--yes');
  t.match(stdout, '~ app sdk: bound shop-1/ozon -> shop-2/ozon\n');
  t.match(stderr, 'the app "sdk" is bound to shop-2/ozon, which none of its grants matches');
  t.match((await apply(admin, file(''))).stderr, 'its calls are refused');
  t.equal((await apply(admin, file(''), '--yes')).code, 0);
  t.match(await admin.json(['app', 'show', 'sdk']), { bound: undefined });
  t.match(
    (await apply(admin, file(toFirst))).stderr,
    'keys of the app sdk that do not begin with spk_bound do not route by themselves: rotate them',
  );
  for (const bound of [
    'bound: x,',
    'bound: { clientId: a },',
    'bound: { clientId: "\\0", tokenType: b },',
  ])
    t.equal((await apply(admin, file(bound))).code, 2, bound);
});

t.test('the doctor finds a binding that no grant matches', async (t) => {
  const admin = await withType(t);
  await admin.json(['proxy', 'create', 'edge']);
  await admin.json(['app', 'create', 'sdk', '--bind', 'shop-1/ozon']);
  const found = async () => (await admin.run(['doctor'])).stdout;
  t.notMatch(await found(), /bound to/);
  await admin.json(['grant', 'add', 'sdk', '--client', 'shop-2', '--type', 'ozon']);
  t.match(
    await found(),
    /the app "sdk" is bound to shop-1\/ozon, which none of its grants matches.*\n?.*keyserver-admin grant add sdk --client shop-1 --type ozon/,
  );
  await admin.json(['grant', 'add', 'sdk', '--client', 'shop-*', '--type', 'ozon']);
  t.notMatch(await found(), /bound to/);
});
