import t from 'tap';
import {
  type CallerKind,
  createApp,
  createProxy,
  type KeyOptions,
  rotateCaller,
} from '../../../keyserver/operations/callers.ts';
import type { OperationContext } from '../../../keyserver/operations/context.ts';
import { listDocuments } from '../../../keyserver/operations/documents.ts';
import { openMysqlStore } from '../../../keyserver/store/mysql/mysql.ts';
import { callerKeyHash } from '../../../shared/crypto/caller-key.ts';
import { scratchDatabase } from '../../support/database.ts';
import { ask } from '../../support/mysql-server.ts';
import { install } from '../admin/installation.ts';

type Create = (context: OperationContext, options: KeyOptions) => Promise<string>;

const creations: readonly (readonly [CallerKind, Create])[] = [
  ['app', (context, options) => createApp(context, 'new', options)],
  ['proxy', (context, options) => createProxy(context, 'new', options)],
  ['app', (context, options) => rotateCaller(context, 'app', 'old', options)],
  ['proxy', (context, options) => rotateCaller(context, 'proxy', 'old', options)],
];

t.test('hands a new key over before it is stored', async (t) => {
  const admin = await install(t);
  const context = admin.context(t);
  await createApp(context, 'old');
  await createProxy(context, 'old');
  for (const [kind, create] of creations) {
    const before = await listDocuments(context, kind);
    const fault = new Error('the disk is full');
    const handOver = () => {
      throw fault;
    };
    await t.rejects(create(context, { handOver }), fault);
    t.same(await listDocuments(context, kind), before, 'nothing changed');
    const handed: string[] = [];
    const key = await create(context, { handOver: (text) => handed.push(text) });
    t.same(handed, [key]);
    const keys = (await listDocuments(context, kind)).flatMap(({ content }) => content?.keys ?? []);
    t.ok(keys.some(({ hash }) => hash === callerKeyHash(key)));
  }
});

t.test('hands over nothing if the caller exists, or does not', async (t) => {
  const context = (await install(t)).context(t);
  await createApp(context, 'old');
  const handOver = () => t.fail('handed over');
  await t.rejects(createApp(context, 'old', { handOver }), {
    name: 'OperationError',
    code: 'already_exists',
    suggestion: { do: 'rotate_or_revoke', kind: 'app' },
  });
  await t.rejects(rotateCaller(context, 'app', 'none', { handOver }), {
    code: 'not_found',
    suggestion: { do: 'list', kind: 'app' },
  });
});

t.test('tells a rotation of a caller that was revoked how to bring it back', async (t) => {
  const admin = await install(t);
  const context = admin.context(t);
  for (const kind of ['app', 'proxy'] as const) {
    await (kind === 'app' ? createApp : createProxy)(context, 'gone');
    await admin.json([kind, 'revoke', 'gone', '--yes']);
    await t.rejects(rotateCaller(context, kind, 'gone'), {
      code: 'not_found',
      message: `the ${kind} "gone" was revoked`,
      suggestion: { do: 'undo_revoked', kind, id: 'gone' },
    });
    await admin.json([kind, 'undo', 'gone', '--yes']);
    await admin.json([kind, 'rotate', 'gone', '--yes']);
  }
});

t.test('hands a key over once if its transaction loses a conflict', async (t) => {
  const options = await scratchDatabase(t);
  const store = openMysqlStore(options);
  t.teardown(() => store.close());
  await store.migrate();
  const context = { ...(await install(t)).context(t), store };
  // The first two tries fail as a deadlock does.
  await ask(options, 'CREATE TABLE tries (n INT) ENGINE = MyISAM');
  await ask(
    options,
    'CREATE TRIGGER lose BEFORE INSERT ON changes FOR EACH ROW BEGIN ' +
      'INSERT INTO tries VALUES (1); ' +
      'IF (SELECT COUNT(*) FROM tries) < 3 THEN ' +
      "SIGNAL SQLSTATE '40001' SET MYSQL_ERRNO = 1213, MESSAGE_TEXT = 'lost'; END IF; END",
  );
  const handed: string[] = [];
  const key = await createApp(context, 'new', { handOver: (text) => handed.push(text) });
  t.equal(await ask(options, 'SELECT COUNT(*) AS answer FROM tries'), '3');
  t.same(handed, [key]);
});
