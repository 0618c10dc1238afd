import t from 'tap';
import { mysqlError } from '../../../../keyserver/store/mysql/errors.ts';
import { relayedStore } from './relay.ts';

t.test('a connection that is reset is a database that cannot be reached', async (t) => {
  let resets = false;
  const store = await relayedStore(t, (near, statement) => {
    if (!resets || statement === undefined) return false;
    near.resetAndDestroy();
    return true;
  });
  await store.migrate();
  const away = { name: 'StoreError', kind: 'failed', message: /cannot be reached \(ECONNRESET\)/ };
  const calls: (() => Promise<unknown>)[] = [
    () => store.lastSeq(),
    () => store.putToken({ clientId: 'acme', tokenType: 'ozon', token: 'x' }),
    () => store.snapshot(({ documents }) => documents()),
  ];
  for (const call of calls) {
    await call();
    resets = true;
    await t.rejects(call(), away);
    resets = false;
    await t.resolves(call(), 'another connection serves');
  }
});

t.test(
  'whatever the connector rejects with is an error of the store, and nothing else',
  async (t) => {
    t.match(mysqlError(45_011), { name: 'StoreError', message: 'The database failed (45011)' });
    const mistake = new TypeError('a mistake of ours');
    t.equal(mysqlError(mistake), mistake);
  },
);
