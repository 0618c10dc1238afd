import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import tls, { createServer as createTlsServer } from 'node:tls';
import t, { type Test } from 'tap';
import { withHandshakeErrors } from '../../../../keyserver/store/mysql/handshake-errors.ts';
import { openMysqlStore } from '../../../../keyserver/store/mysql/mysql.ts';
import { createAuthority } from '../../../support/certificates.ts';
import { scratchDatabase } from '../../../support/database.ts';

/** A relay to a database that answers a statement itself, or greets so, while `lie` is set. */
async function startRelay(t: Test, port: number) {
  const relay: { port: number; lie: Buffer | undefined; greets: boolean } = {
    port: 0,
    lie: undefined,
    greets: false,
  };
  const open = new Set<Socket>();
  const server = createServer((near) => {
    open.add(near.on('error', () => undefined));
    if (relay.greets && relay.lie !== undefined) {
      near.write(relay.lie);
      return;
    }
    const far = connect(port, '127.0.0.1');
    open.add(far.on('error', () => undefined));
    near.on('data', (bytes) => void (relay.lie ? near.write(relay.lie) : far.write(bytes)));
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

/** Packets of MySQL's protocol, numbered from `first`. */
function packets(first: number, ...payloads: readonly (readonly number[])[]): Buffer {
  return Buffer.concat(
    payloads.map((payload, i) => Buffer.from([payload.length, 0, 0, first + i, ...payload])),
  );
}

const lies: Readonly<Record<string, Buffer>> = {
  'a column without a definition': packets(1, [1], [3]),
  'an error without a number': packets(1, [0xff]),
};

t.test('answers that nothing can read end their connection alone', async (t) => {
  const options = await scratchDatabase(t);
  const relay = await startRelay(t, options.port);
  const store = openMysqlStore({
    ...options,
    host: '127.0.0.1',
    port: relay.port,
    timeoutMs: 1500,
  });
  t.teardown(() => store.close());
  await store.migrate();
  for (const [name, lie] of Object.entries(lies)) {
    await store.lastSeq();
    relay.lie = lie;
    await t.rejects(store.lastSeq(), { name: 'StoreError' }, name);
    relay.lie = undefined;
    await t.resolves(store.lastSeq(), 'another connection serves');
  }
});

t.test('so does a greeting', async (t) => {
  const options = await scratchDatabase(t);
  const relay = await startRelay(t, options.port);
  const store = openMysqlStore({
    ...options,
    host: '127.0.0.1',
    port: relay.port,
    timeoutMs: 1500,
  });
  t.teardown(() => store.close());
  relay.lie = packets(0, [10]);
  relay.greets = true;
  await t.rejects(store.lastSeq(), {
    name: 'StoreError',
    message: 'The database answered what nothing can read (UNREADABLE_ANSWER)',
  });
  relay.greets = false;
  relay.lie = undefined;
  await t.resolves(store.migrate());
});

t.test('over TLS an answer that nothing can read ends its connection, too', async (t) => {
  const authority = await createAuthority();
  const server = createTlsServer(await authority.issue({ names: ['localhost'] }), (socket) =>
    socket.on('error', () => undefined).write('x'),
  );
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => server.close());
  const { port } = server.address() as AddressInfo;
  const settings = withHandshakeErrors({ ca: authority.ca, servername: 'localhost' });
  const socket = tls.connect({ ...settings, host: '127.0.0.1', port });
  socket.on('data', () => {
    throw new RangeError('index out of range');
  });
  const [error] = await once(socket, 'error').catch((thrown: unknown) => [thrown]);
  t.match(error, { code: 'UNREADABLE_ANSWER' });
  t.ok(socket.destroyed);
});
