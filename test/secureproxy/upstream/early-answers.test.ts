import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import t, { type Test } from 'tap';
import { releaseOf, startProxy } from '../../support/proxy.ts';
import { until } from '../../support/until.ts';

/** An upstream that answers with a status as soon as it has a head, and reads no body. */
async function setUp(t: Test, status: number, readsOn: boolean) {
  const sockets: Socket[] = [];
  const server = createServer((socket) => {
    sockets.push(socket);
    socket.on('error', () => undefined);
    socket.on('data', (bytes) => {
      if (!/HTTP\/1.1\r\n/.test(bytes.toString('latin1'))) return;
      socket.write(`HTTP/1.1 ${status} Some\r\nContent-Length: 2\r\n\r\nok`);
      if (!readsOn) socket.pause();
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  const url = `http://localhost:${port}`;
  const proxy = await startProxy(t, {
    obtain: async () => releaseOf({ destinations: [url], scrub: false }),
    settings: { UPSTREAM_CONNECTIONS: '1' },
  });
  const call = (bytes: number) =>
    proxy.call({ ClientId: 'a', TokenType: 'test', ApiUri: `${url}/`, Body: 'x'.repeat(bytes) });
  return { sockets, call };
}

t.test('no call waits behind the rest of an upload that was answered early', async (t) => {
  // The first is more than the kernel takes, the others less.
  for (const [status, bytes] of [
    [200, 12 * 1024 * 1024],
    [200, 1024 * 1024],
    [413, 100 * 1024],
  ] as const) {
    const { sockets, call } = await setUp(t, status, false);
    t.match(await call(bytes), { status, text: 'ok' });
    t.match(await call(10), { status, text: 'ok' });
    t.equal(sockets.length, 2, `${status} to ${bytes} bytes`);
  }
});

t.test('a connection that took the whole request is used again', async (t) => {
  const { sockets, call } = await setUp(t, 200, true);
  for (const bytes of [10, 100 * 1024, 10]) t.match(await call(bytes), { status: 200 });
  t.equal(sockets.length, 1);
});

t.test(
  'a connection is closed if a part of the request has not left at the end of its answer',
  async (t) => {
    const { sockets, call } = await setUp(t, 200, true);
    const held: Socket[] = [];
    const hold = (message: unknown) => {
      const { socket } = message as { readonly socket: Socket };
      held.push(socket);
      socket.cork();
    };
    subscribe('undici:client:sendHeaders', hold);
    t.teardown(() => unsubscribe('undici:client:sendHeaders', hold));
    const answered = call(10);
    await until(() => held.length === 1 && sockets.length === 1);
    sockets[0]?.write('HTTP/1.1 200 Some\r\nContent-Length: 2\r\n\r\nok');
    t.match(await answered, { status: 200, text: 'ok' });
    t.ok(held[0]?.destroyed);
  },
);
