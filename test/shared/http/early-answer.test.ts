import { once } from 'node:events';
import { type AddressInfo, connect, type Socket } from 'node:net';
import t, { type Test } from 'tap';
import { ServiceError } from '../../../shared/errors.ts';
import { readRaw } from '../../support/raw-http.ts';
import { until } from '../../support/until.ts';
import { startApp } from '../app.ts';

async function setUp(t: Test) {
  const { app } = await startApp(t);
  let served = 0;
  app.post('/long', async () => 'ok');
  app.post('/refused', {
    onRequest: async () => {
      throw new ServiceError('caller_unauthenticated');
    },
    handler: async () => 'ok',
  });
  app.get('/served', async () => {
    served += 1;
    return 'ok';
  });
  await app.listen({ host: '127.0.0.1', port: 0 });
  const { port } = app.server.address() as AddressInfo;
  const head = (path: string, lines: readonly string[]) =>
    [`POST ${path} HTTP/1.1`, 'Host: x', 'Content-Type: application/json', ...lines, '', ''].join(
      '\r\n',
    );
  const open: Socket[] = [];
  app.server.on('connection', (socket: Socket) => void open.push(socket));
  return { port, head, served: () => served, open };
}

/** Writes all, as blocking clients do, and only then reads. */
async function writeThenRead(port: number, ...pieces: readonly (string | Buffer)[]) {
  const socket = connect(port, '127.0.0.1').pause();
  socket.on('error', () => undefined);
  for (const piece of pieces) {
    await new Promise((done) => socket.write(piece, done));
  }
  return readAll(socket);
}

async function readAll(socket: Socket): Promise<string> {
  let text = '';
  socket.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
  });
  socket.resume();
  if (!socket.closed) await once(socket, 'close');
  return text;
}

t.test('an early answer reaches a caller that still sends', async (t) => {
  const { port, head } = await setUp(t);
  for (const [path, megabytes, status] of [
    ['/long', 5, 413],
    ['/refused', 3, 401],
  ] as const) {
    const body = Buffer.alloc(megabytes * 1_000_000, 'x');
    const announced = await writeThenRead(
      port,
      head(path, [`Content-Length: ${body.length}`]),
      body,
    );
    t.match(readRaw(announced), { status, head: /\r\nconnection: close(?:\r|$)/i }, path);
    const chunked = await writeThenRead(
      port,
      head(path, ['Transfer-Encoding: chunked']),
      `${body.length.toString(16)}\r\n`,
      body,
    );
    t.match(readRaw(chunked), { status }, `${path}, chunked`);
  }
});

t.test('a body that is too long to be read on is left unread', async (t) => {
  const { port, head, open } = await setUp(t);
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => undefined);
  let text = '';
  socket.on('data', (chunk: Buffer) => {
    text += chunk;
  });
  const body = Buffer.alloc(16_000_000, 'x');
  socket.write(head('/refused', [`Content-Length: ${body.length}`]));
  socket.write(body);
  await until(() => socket.readableEnded);
  t.match(readRaw(text), { status: 401 }, 'the answer arrives');
  const [other] = open;
  await until(() => other?.closed === true);
  t.ok((other?.bytesRead ?? 0) < 1_000_000, `${other?.bytesRead} bytes read`);
});

t.test('connections that stay open unread take no place of those that are read', async (t) => {
  const { port, head, open } = await setUp(t);
  const unread = Array.from({ length: 20 }, () =>
    connect({ host: '127.0.0.1', port, allowHalfOpen: true }),
  );
  await Promise.all(
    unread.map(async (socket) => {
      socket.on('error', () => undefined);
      socket.write(head('/refused', ['Content-Length: 16000000']));
      await once(socket, 'data');
    }),
  );
  const body = Buffer.alloc(3_000_000, 'x');
  const length = `Content-Length: ${body.length}`;
  const text = await writeThenRead(port, head('/refused', [length]), body);
  t.match(readRaw(text), { status: 401 });
  const last = open.at(-1);
  await until(() => last?.closed === true);
  t.ok((last?.bytesRead ?? 0) > body.length, 'which was read on');
  for (const socket of unread) socket.destroy();
});

t.test('connections that have ended take no place either', async (t) => {
  const { port, head, open } = await setUp(t);
  for (let i = 0; i < 20; i++) {
    const body = Buffer.alloc(100_000, 'x');
    const length = `Content-Length: ${body.length}`;
    t.match(readRaw(await writeThenRead(port, head('/refused', [length]), body)), { status: 401 });
  }
  const body = Buffer.alloc(3_000_000, 'x');
  await writeThenRead(port, head('/refused', [`Content-Length: ${body.length}`]), body);
  const last = open.at(-1);
  await until(() => last?.closed === true);
  t.ok((last?.bytesRead ?? 0) > body.length, 'the next one is read on');
});

t.test('what follows such a body is not served', async (t) => {
  const { port, head, served } = await setUp(t);
  const next = 'GET /served HTTP/1.1\r\nHost: x\r\n\r\n';
  const body = Buffer.alloc(1_000_000, 'x');
  const text = await writeThenRead(
    port,
    head('/long', [`Content-Length: ${body.length}`]),
    body,
    next,
  );
  t.match(readRaw(text), { status: 413 });
  t.equal(text.split('HTTP/1.1 ').length, 2, 'one answer');
  t.equal(served(), 0);
});

t.test('a connection is read on for a bounded time and size', async (t) => {
  const { port, head } = await setUp(t);
  const halted = connect(port, '127.0.0.1');
  halted.on('error', () => undefined);
  halted.write(head('/long', ['Content-Length: 1000000000']));
  t.match(readRaw(await readAll(halted)), { status: 413 }, 'closed, though the caller is not done');

  const endless = connect(port, '127.0.0.1').pause();
  endless.on('error', () => undefined);
  endless.write(head('/long', ['Content-Length: 1000000000']));
  const chunk = Buffer.alloc(1_000_000);
  let sent = 0;
  const pour = () => {
    sent += chunk.length;
    endless.write(chunk, (error) => {
      if (!error) pour();
    });
  };
  pour();
  await until(() => endless.closed);
  t.ok(sent < 100_000_000, `${sent} bytes`);
});

t.test('a short rest keeps the connection', async (t) => {
  const { port, head } = await setUp(t);
  const socket = connect(port, '127.0.0.1');
  let text = '';
  socket.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
  });
  socket.write(head('/refused', ['Content-Length: 10']));
  await until(() => text.includes('caller_unauthenticated'));
  socket.write('0123456789GET /served HTTP/1.1\r\nHost: x\r\n\r\n');
  await until(() => text.endsWith('ok'));
  socket.destroy();
  t.notMatch(text, /connection: close/i);
});
