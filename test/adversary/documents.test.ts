import t from 'tap';
import { pollUntil } from '../support/poll-until.ts';
import { eachStage, policyFor, startPairOn } from './stage.ts';

const typeRefused = [
  '500 integrity_failed document_refused',
  '500 integrity_failed document_refused',
];
const typeGone = ['404 type_not_found', '424 type_not_found'];
const appGone = [
  '401 caller_unauthenticated app_unknown',
  '401 caller_unauthenticated app_unknown',
];
const fine = ['200', '200'];

/** Columns that the adversary sets in the row of a type or an app of the same name. */
const manipulations: Readonly<Record<string, string>> = {
  'sent elsewhere': "body = REPLACE(body, 'http://localhost', 'http://evil.example')",
  'given more': `body = REPLACE(body, '"client":"nobody"', '"client":"*"')`,
  'of no content': "body = '{}'",
  emptied: "body = ''",
  're-keyed to a key that exists': "kid = 'k2'",
  're-keyed to no key': "kid = 'k9'",
  'of a lower revision': 'revision = revision - 1',
  'of a negative revision': 'revision = -1',
  'beyond all numbers': 'revision = 9223372036854775807',
  'without a MAC': "mac = ''",
  'with control characters': "kid = 'k1\u0007'",
};
const moved: Readonly<Record<string, string>> = {
  renamed: "id = 'renamed by others'",
  're-kinded': "kind = 'proxy'",
  'of no kind': "kind = 'nothing'",
};

for (const kind of ['type', 'app'] as const) {
  t.test(
    `every manipulated ${kind} is refused, logged and named, and harms no other`,
    async (t) => {
      await eachStage(t, async (t, stage) => {
        const { execute, place } = stage;
        const pair = await startPairOn(t, stage);
        const { keyserver, upstream } = pair;
        const names = [...Object.keys(manipulations), ...Object.keys(moved), 'huge'];
        // An edit that leaves this kind's body alone is no manipulation.
        const victims = names.filter(
          (name) => name !== (kind === 'type' ? 'given more' : 'sent elsewhere'),
        );
        const keys = new Map<string, string>();
        await keyserver.putToken('shop', 'test', 'made-up');
        for (const name of victims) {
          if (kind === 'app') {
            keys.set(
              name,
              await keyserver.putApp(name, { grants: [{ client: 'nobody', type: '*' }] }),
            );
          } else {
            await keyserver.putType(name, policyFor(upstream));
            await keyserver.putToken('shop', name, 'made-up');
          }
        }
        const filler = place === 'mysql' ? "REPEAT('x', 5000000)" : 'hex(zeroblob(2500000))';
        for (const name of victims) {
          const change = { ...manipulations, ...moved, huge: `body = CONCAT(body, ${filler})` }[
            name
          ];
          await execute(`UPDATE documents SET ${change} WHERE kind = '${kind}' AND id = '${name}'`);
        }
        await execute('UPDATE change_counter SET seq = seq + 1');
        await keyserver.refresh();

        const answers = (name: string, from = pair) =>
          kind === 'app'
            ? from.answers('shop', 'test', keys.get(name))
            : from.answers('shop', name);
        const restarted = await startPairOn(t, stage, { seeded: pair });
        for (const name of victims) {
          const gone = name in moved ? typeGone : typeRefused;
          t.same(await answers(name), kind === 'app' ? appGone : gone, name);
          t.same(
            await answers(name, restarted),
            kind === 'app' ? appGone : gone,
            `${name}, restarted`,
          );
        }
        t.equal(upstream.requests.length, 0, 'nothing was sent anywhere');
        t.same(await pair.answers('shop'), fine, 'the others work');
        t.same(await restarted.answers('shop'), fine, 'also after a restart');

        const lines = keyserver.log().filter(({ msg }) => msg === 'document refused');
        const { code, text } = await stage.doctor();
        t.equal(code, 1);
        for (const name of victims) {
          const [kindNow, idNow] = [
            name === 're-kinded' ? 'proxy' : name === 'of no kind' ? 'nothing' : kind,
            name === 'renamed' ? 'renamed by others' : name,
          ];
          const ofRow = lines.filter(({ id }) => id === idNow);
          t.match(ofRow, [{ kind: kindNow, level: 'error' }], `${name}: one line names the row`);
          const finding =
            kindNow === 'nothing'
              ? `the document "${idNow}" is of the unknown kind "nothing"`
              : name === 're-keyed to no key'
                ? `1 document needs the key "k9", such as the ${kindNow} "${idNow}"`
                : `the ${kindNow} "${idNow}" does not open`;
          t.match(text, finding, `doctor names ${name}`);
        }
        t.match(text, `the ${kind} "beyond all numbers" does not open`);
        await keyserver.refresh();
        await keyserver.putToken('x', 'test', 'x');
        t.equal(
          keyserver.log().filter(({ msg }) => msg === 'document refused').length,
          lines.length,
          'and no row fills the log',
        );
      });
    },
  );
}

t.test('a proxy whose row was changed is none, and its operator learns why', async (t) => {
  await eachStage(t, async (t, stage) => {
    const pair = await startPairOn(t, stage);
    await pair.keyserver.putToken('shop', 'test', 'made-up');
    await stage.execute("UPDATE documents SET kid = 'k2' WHERE kind = 'proxy'");
    await stage.execute('UPDATE change_counter SET seq = seq + 1');
    await pair.keyserver.refresh();
    t.same(await pair.answers('shop'), [
      '401 caller_unauthenticated proxy_unknown',
      '503 keyserver_unavailable proxy_unknown',
    ]);
    t.match((await stage.doctor()).text, 'the proxy "edge" does not open');
  });
});

/** Makes the table of documents anew, without its key and blind to case. */
const blindTable = {
  mysql: [
    'ALTER TABLE documents DROP PRIMARY KEY, MODIFY id VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci',
  ],
  sqlite: [
    'CREATE TABLE blind (kind TEXT, id TEXT COLLATE NOCASE, revision INTEGER, kid TEXT, body TEXT, mac TEXT)',
    'INSERT INTO blind SELECT * FROM documents',
    'DROP TABLE documents',
    'ALTER TABLE blind RENAME TO documents',
  ],
};

t.test('two rows of one name stand for nothing, and an edit leaves one', async (t) => {
  await eachStage(t, async (t, stage) => {
    const pair = await startPairOn(t, stage);
    await pair.keyserver.putToken('shop', 'test', 'made-up');
    for (const sql of blindTable[stage.place]) await stage.execute(sql);
    await stage.execute("INSERT INTO documents SELECT * FROM documents WHERE id = 'orders'");
    await stage.execute('UPDATE change_counter SET seq = seq + 1');
    await pair.keyserver.refresh();
    t.same(await pair.answers('shop'), appGone);
    const { code, text } = await stage.doctor();
    t.equal(code, 1);
    t.match(text, 'the app "orders" has more than one row');
    t.equal(await stage.admin('grant', 'add', 'orders', '--client', 'shop', '--type', 'test'), 0);
    await pair.keyserver.refresh();
    const answers = await pollUntil(
      'the proxy asks again, a second after the key was rejected',
      () => pair.answers('shop'),
      ([, proxied]) => proxied === '200',
    );
    t.same(answers, fine);
    t.equal((await stage.doctor()).code, 0);
  });
});

t.test('an edit seals no rights of a document that only a collation takes for it', async (t) => {
  await eachStage(t, async (t, stage) => {
    const { keyserver, appKey } = await startPairOn(t, stage);
    await keyserver.putApp('ORDERS', { grants: [] });
    await keyserver.putApp('orders', { key: appKey });
    for (const sql of blindTable[stage.place]) await stage.execute(sql);
    const grant = { client: 'elsewhere', type: 'test' };
    const added = await stage.admin(
      'grant',
      'add',
      'ORDERS',
      '--client',
      'elsewhere',
      '--type',
      'test',
    );
    t.equal(added, 0);
    await keyserver.refresh();
    t.same(keyserver.registry.app('ORDERS')?.grants, [grant]);
  });
});
