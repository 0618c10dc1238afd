import { once } from 'node:events';
import type { AddressInfo, Socket } from 'node:net';
import tls, { createServer as createTlsServer } from 'node:tls';
import t from 'tap';
import { containTlsErrors } from '../../../../keyserver/store/mysql/contained-errors.ts';
import { createAuthority } from '../../../support/certificates.ts';
import { relayedStore } from './relay.ts';

/** Packets of MySQL's protocol, numbered from `first`. */
function packets(first: number, ...payloads: readonly (readonly number[])[]): Buffer {
  return Buffer.concat(
    payloads.map((payload, i) => Buffer.from([payload.length, 0, 0, first + i, ...payload])),
  );
}

/** A success that ends within its count of rows: the connector throws as it reads that. */
const lie = packets(1, [0, 0xfe]);

t.test('an answer that nothing can read ends its connection alone', async (t) => {
  let isLying = false;
  const store = await relayedStore(t, (near, statement) => {
    if (!isLying || statement === undefined) return false;
    near.write(lie);
    return true;
  });
  await store.migrate();
  isLying = true;
  // The pool makes connections until its time is over, or the store's.
  await t.rejects(store.lastSeq(), { name: 'StoreError', kind: /^(?:failed|timeout)$/ });
  isLying = false;
  await t.resolves(store.lastSeq(), 'another connection serves');
});

t.test('so does a greeting', async (t) => {
  let isLying = true;
  const greet = (near: Socket) => {
    if (isLying) near.write(packets(0, [10]));
    return isLying;
  };
  const store = await relayedStore(t, greet, { timeoutMs: 1500 });
  await t.rejects(store.lastSeq(), {
    name: 'StoreError',
    message: 'The database answered what nothing can read (UNREADABLE_ANSWER)',
  });
  isLying = false;
  await t.resolves(store.migrate());
});

t.test('so does an answer that nothing has asked for', async (t) => {
  let isLying = true;
  const store = await relayedStore(
    t,
    (near, statement) => {
      if (!isLying || statement === undefined) return false;
      // The login is accepted twice.
      const ok = [0, 0, 0, 2, 0, 0, 0];
      near.write(packets(2, ok, ok));
      return true;
    },
    { timeoutMs: 1500 },
  );
  await t.rejects(store.lastSeq(), { name: 'StoreError' });
  isLying = false;
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
  const settings = containTlsErrors({ ca: authority.ca, servername: 'localhost' });
  const socket = tls.connect({ ...settings, host: '127.0.0.1', port });
  socket.on('data', () => {
    throw new RangeError('index out of range');
  });
  const [error] = await once(socket, 'error').catch((thrown: unknown) => [thrown]);
  t.match(error, { code: 'UNREADABLE_ANSWER' });
  t.ok(socket.destroyed);
});
