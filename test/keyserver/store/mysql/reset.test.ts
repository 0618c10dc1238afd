import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import t, { type Test } from 'tap';
import { mysqlError } from '../../../../keyserver/store/mysql/errors.ts';
import { openMysqlStore } from '../../../../keyserver/store/mysql/mysql.ts';
import { scratchDatabase } from '../../../support/database.ts';

/** A relay to a database that can reset connections as soon as a statement comes. */
async function startRelay(t: Test, port: number) {
  const relay = { port: 0, resets: false };
  const open = new Set<Socket>();
  const server = createServer((near) => {
    const far = connect(port, '127.0.0.1');
    for (const socket of [near, far]) open.add(socket.on('error', () => undefined));
    near.on('data', (bytes) => void (relay.resets ? near.resetAndDestroy() : far.write(bytes)));
    far.on('data', (bytes) => void near.write(bytes));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => {
    for (const socket of open) socket.destroy();
    server.close();
  });
  return Object.assign(relay, { port: (server.address() as AddressInfo).port });
}

t.test('a connection that is reset is a database that cannot be reached', async (t) => {
  const options = await scratchDatabase(t);
  const relay = await startRelay(t, options.port);
  const store = openMysqlStore({ ...options, host: '127.0.0.1', port: relay.port });
  t.teardown(() => store.close());
  await store.migrate();
  const away = { name: 'StoreError', kind: 'failed', message: /cannot be reached \(ECONNRESET\)/ };
  const calls: (() => Promise<unknown>)[] = [
    () => store.lastSeq(),
    () => store.putToken({ clientId: 'acme', tokenType: 'ozon', token: 'x' }),
    () => store.snapshot(({ documents }) => documents()),
  ];
  for (const call of calls) {
    await call();
    relay.resets = true;
    await t.rejects(call(), away);
    relay.resets = false;
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
