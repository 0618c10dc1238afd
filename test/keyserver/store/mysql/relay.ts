import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import type { Test } from 'tap';
import { type MysqlStoreOptions, openMysqlStore } from '../../../../keyserver/store/mysql/mysql.ts';
import type { Store } from '../../../../keyserver/store/store.ts';
import { scratchDatabase } from '../../../support/database.ts';

/** Called with a new connection, and with each statement on it; true if nothing is to reach the database. */
export type Intercept = (near: Socket, statement?: Buffer) => boolean;

/** A store that reaches its new, empty database through a relay, on which a test may do as it likes. */
export async function relayedStore(
  t: Test,
  intercept: Intercept,
  further: Partial<MysqlStoreOptions> = {},
): Promise<Store> {
  const options = await scratchDatabase(t);
  const open = new Set<Socket>();
  const server = createServer((near) => {
    open.add(near.on('error', () => undefined));
    if (intercept(near)) return;
    const far = connect(options.port, '127.0.0.1');
    open.add(far.on('error', () => undefined));
    near.on('data', (bytes) => void (intercept(near, bytes) || far.write(bytes)));
    far.on('data', (bytes) => void near.write(bytes));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const store = openMysqlStore({ ...options, host: '127.0.0.1', port, ...further });
  t.teardown(async () => {
    await store.close();
    for (const socket of open) socket.destroy();
    server.close();
  });
  return store;
}
