import { randomBytes } from 'node:crypto';
import t from 'tap';
import { Keyring } from '../../../keyserver/keys/keyring.ts';
import { importTokens } from '../../../keyserver/operations/bulk/import.ts';
import { OperationError } from '../../../keyserver/operations/operation-error.ts';
import { sealReport } from '../../../keyserver/replicas/report.ts';
import { install, wildberries } from './installation.ts';

const token = randomBytes(24).toString('base64url');

t.test(
  'nothing is stored that a live KeyServer could not open; what deletes goes on',
  async (t) => {
    const admin = await install(t);
    await admin.json(wildberries);
    await admin.json(['app', 'create', 'orders']);
    const theirs = new Keyring('second', new Map([['second', randomBytes(32)]]));
    await admin.context(t).store.putReplica(
      sealReport(theirs, 'r1', 1, {
        ...{ instance: 'i', host: 'host', workers: 1, version: '1', history: 'h', seq: 0 },
        atRest: { primary: theirs.primaryId, since: 0, keys: theirs.ids },
        rsa: { primary: 'r', since: 0, keys: ['r'] },
        stopped: false,
      }),
    );
    const put = ['token', 'put', '--client', 'shop-1', '--type', 'wildberries'];
    const rows = `client,type,secret\nshop-2,wildberries,${token}\n`;
    const sealing: readonly (readonly [readonly string[], string])[] = [
      [put, token],
      [['token', 'import'], rows],
      [['app', 'rotate', 'orders', '--yes'], ''],
      [['proxy', 'create', 'dc-2'], ''],
      [['apply', '--file', '-'], 'proxies: { dc-1: {} }\n'],
    ];
    for (const [argv, stdin] of sealing) {
      const { exit, code, message } = await admin.failure(argv, { stdin });
      t.same([exit, code], [1, 'not_confirmed'], argv.join(' '));
      t.match(message, 'a KeyServer has not loaded the primary key first');
    }
    t.same(await admin.json(['token', 'list']), []);
    await admin.json(['app', 'revoke', 'orders', '--yes']);
    admin.sql('UPDATE replicas SET seen_at = seen_at - 31');
    await admin.json(put, { stdin: token });
  },
);

t.test('an import asks again after all rows were judged', async (t) => {
  const admin = await install(t);
  await admin.json(wildberries);
  let asked = 0;
  const context = {
    ...admin.context(t),
    beforeSealing: async () => {
      asked += 1;
      if (asked === 2) throw new OperationError('not_confirmed', 'retired meanwhile', 'again');
    },
  };
  async function* source() {
    yield { line: 1, members: { client: 'shop-1', type: 'wildberries', secret: token } };
  }
  await t.rejects(importTokens(context, source()), { code: 'not_confirmed' });
  t.same(await admin.json(['token', 'list']), []);
});
