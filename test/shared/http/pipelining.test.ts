import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { connect } from 'node:net';
import t, { type Test } from 'tap';
import { pollUntil } from '../../support/poll-until.ts';
import { until } from '../../support/until.ts';
import { startApp } from '../app.ts';

async function setUp(t: Test) {
  const { app } = await startApp(t);
  const begun: string[] = [];
  const waiting: (() => void)[] = [];
  app.get('/:name', async (request) => {
    begun.push(request.url);
    await new Promise<void>((done) => waiting.push(done));
    return request.url;
  });
  await app.listen({ host: '127.0.0.1', port: 0 });
  const { port } = app.server.address() as AddressInfo;
  const socket = connect(port, '127.0.0.1');
  await once(socket, 'connect');
  let received = '';
  socket.on('data', (bytes) => {
    received += bytes;
  });
  const send = (count: number) =>
    socket.write(
      Array.from({ length: count }, (_, i) => `GET /${i} HTTP/1.1\r\nHost: x\r\n\r\n`).join(''),
    );
  const beginsWith = (count: number) =>
    pollUntil(
      `${count} have begun`,
      () => begun.length,
      (length) => length >= count,
    );
  return { begun, waiting, socket, send, beginsWith, received: () => received };
}

t.test('a pipelined request begins when the answer before it has ended', async (t) => {
  const { begun, waiting, send, beginsWith, received } = await setUp(t);
  send(3);
  for (let i = 0; i < 3; i++) {
    await beginsWith(i + 1);
    t.equal(begun.length, i + 1);
    waiting[i]?.();
  }
  const text = await pollUntil('all are answered', received, (all) => all.endsWith('/2'));
  t.same(
    [...text.matchAll(/\r\n\r\n(\/\d)/g)].map(([, path]) => path),
    ['/0', '/1', '/2'],
  );
});

t.test('one behind a connection that broke never begins', async (t) => {
  const { begun, waiting, socket, send, beginsWith } = await setUp(t);
  send(5);
  await beginsWith(1);
  socket.destroy();
  await once(socket, 'close');
  waiting[0]?.();
  await new Promise((done) => setTimeout(done, 100));
  t.same(begun, ['/0']);
});

t.test('a connection may have any number of them, if few wait at once', async (t) => {
  const { begun, waiting, socket, send } = await setUp(t);
  t.teardown(() => socket.destroy());
  for (let sent = 0; sent < 30; ) {
    send(10);
    for (const end = sent + 10; sent < end; sent++) {
      await until(() => begun.length > sent || socket.destroyed);
      waiting[sent]?.();
    }
  }
  t.equal(begun.length, 30);
  t.notOk(socket.destroyed);
});

t.test('complete requests are answered before what is behind them is refused', async (t) => {
  const partOfBody = 'GET /2 HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n';
  const connecting = 'CONNECT x:1 HTTP/1.1\r\nHost: x:1\r\n\r\n';
  for (const broken of ['broken\r\n\r\n', '\0', partOfBody, connecting]) {
    const { waiting, socket, send, beginsWith, received } = await setUp(t);
    send(2);
    await beginsWith(1);
    socket.write(broken);
    // Bytes behind broken ones do not refuse again.
    socket.write('broken\r\n\r\n');
    await new Promise((done) => setTimeout(done, 50));
    t.equal(received(), '', 'nothing is said before its turn');
    waiting[0]?.();
    await beginsWith(2);
    waiting[1]?.();
    await once(socket, 'close');
    const heads = [...received().matchAll(/HTTP\/1\.1 (\d{3})/g)].map(([, status]) => status);
    t.same(heads, ['200', '200', '400'], JSON.stringify(broken));
    t.match(received(), /\/0HTTP.*\/1HTTP.*"reason":"http".*\}$/s);
  }
});

t.test('a caller that disconnects within a request ends the one before it', async (t) => {
  const { socket, send, beginsWith, received } = await setUp(t);
  send(1);
  await beginsWith(1);
  socket.end('GET /1 HT');
  await once(socket, 'close');
  t.equal(received(), '');
});

t.test('too many end the connection', async (t) => {
  const { socket, send } = await setUp(t);
  send(18);
  await once(socket, 'close');
  t.ok(socket.destroyed);
});
