import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises';
import {
  createServer as createTlsServer,
  getCACertificates,
  setDefaultCACertificates,
  type TLSSocket,
  type TlsOptions,
} from 'node:tls';
import t, { type Test } from 'tap';
import { RedisLink } from '../../../secureproxy/limits/redis-link.ts';
import { RedisConnection } from '../../../secureproxy/redis/connection.ts';
import { systemClock } from '../../../shared/clock.ts';
import { createAuthority } from '../../support/certificates.ts';
import { freePort } from '../../support/free-port.ts';
import { capturedLog } from '../../support/log.ts';
import { pollUntil } from '../../support/poll-until.ts';
import { noRedis, startRedis } from '../../support/redis.ts';

async function open(t: Test, url: string) {
  const { logger: log, lines } = capturedLog('secureproxy');
  const options = { url, memberId: 'one', clock: systemClock, log, processes: () => 1 };
  const link = new RedisLink(options);
  await link.start();
  t.teardown(() => link.stop());
  return { link, lines };
}

function trust(t: Test, ca: string): void {
  const before = getCACertificates('default');
  t.teardown(() => setDefaultCACertificates(before));
  setDefaultCACertificates([...before, ca]);
}

interface Attack {
  /** The command that it answers so: the first or second; 0: none, as soon as it is connected. */
  readonly command: number;
  readonly start: string;
  readonly more: string;
  readonly tls?: TlsOptions;
}

/** A server that sends the start of an answer, then more of it until the connection ends. */
async function startEndless(t: Test, { command, start, more, tls }: Attack) {
  const sent: number[] = [];
  const flood = async (socket: Socket) => {
    const at = sent.push(0) - 1;
    const bytes = Buffer.from(more.repeat(Math.ceil(16_384 / more.length)));
    socket.write(start);
    // So much that a test which fails still ends.
    while (!socket.destroyed && (sent[at] ?? 0) < 64_000_000) {
      if (socket.write(bytes)) await turn();
      else await Promise.race([once(socket, 'drain'), once(socket, 'close')]);
      sent[at] = socket.bytesWritten;
    }
  };
  const onConnection = (socket: Socket) => {
    let commands = 0;
    const attack = () => flood(socket).catch(() => undefined);
    socket
      .on('error', () => undefined)
      .on('data', () => {
        commands += 1;
        if (commands < command) socket.write('+PONG\r\n');
        else if (commands === command) attack();
      });
    if (command === 0) attack();
  };
  const server =
    tls === undefined ? createServer(onConnection) : createTlsServer(tls, onConnection);
  server.listen(0, '127.0.0.1');
  t.teardown(() => server.close());
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return { url: `${tls === undefined ? 'redis' : 'rediss'}://127.0.0.1:${port}`, sent };
}

for (const command of [1, 2]) {
  for (const [what, start, more] of [
    ['a text', '$999999999999\r\n', 'x'],
    ['a line', '+', 'x'],
    ['an error', '-ERR ', 'x'],
    ['a number', ':', '1'],
    ['a list', '*4294967295\r\n', ':1\r\n'],
    ['lists in lists', '*1\r\n', '*30000000\r\n'],
    ['an answer that nobody asked for', '', '+OK\r\n'],
  ] as const) {
    const when = command === 1 ? 'before it is ready' : 'to a script';
    t.test(`a Redis that answers with ${what} without an end, ${when}, is away`, async (t) => {
      const { url, sent } = await startEndless(t, { command, start, more });
      const { link, lines } = await open(t, url);
      const twice = async () => sent.length;
      await pollUntil('it is asked again', twice, (count) => count > 1);
      t.match(lines(), [{ msg: /^Redis is away/, err: { message: /^Redis/ } }]);
      t.equal(await link.run('return {1}', [], [], 1), undefined);
      // The kernel holds some for both ends.
      t.ok(Math.max(...sent) < 16_000_000, `${sent} bytes`);
    });
  }
}

t.test('a Redis with TLS is as bounded, on each connection', async (t) => {
  const { ca, issue } = await createAuthority();
  trust(t, ca);
  const { key, cert } = await issue({ names: ['127.0.0.1'] });
  for (const command of [0, 1, 2]) {
    const lists = { start: '*1\r\n', more: '*30000000\r\n' };
    const { url, sent } = await startEndless(t, { command, ...lists, tls: { key, cert } });
    const { lines } = await open(t, url);
    const thrice = async () => sent.length;
    await pollUntil('it is asked again', thrice, (count) => count > 2);
    t.match(lines(), [{ msg: /^Redis is away/, err: { message: /^Redis/ } }]);
    t.ok(Math.max(...sent) < 16_000_000, `${sent} bytes`);
  }
});

for (const [what, answer, message] of [
  ['more than one answer', '+PONG\r\n+PONG\r\n', 'Redis answers what it was not asked'],
  ['an error', '-LOADING\r\n', 'LOADING'],
  ['a number', ':1\r\n', 'Redis answers otherwise'],
] as const) {
  t.test(`a connection whose first answer is ${what} is never ready`, async (t) => {
    const server = createServer((socket) => {
      socket.on('error', () => undefined).once('data', () => socket.write(answer));
    }).listen(0, '127.0.0.1');
    t.teardown(() => server.close());
    await once(server, 'listening');
    const library = await import('@redis/client');
    const url = `redis://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const seen: string[] = [];
    await new Promise<void>((done) => {
      const onReady = () => seen.push('ready');
      const onEnd = ({ message }: Error) => done(void seen.push(message));
      new RedisConnection({ library, url, onReady, onEnd });
    });
    await turn();
    t.same(seen, [message]);
  });
}

t.test('a Redis that does not answer is sent a bounded number of commands', async (t) => {
  const port = await freePort();
  const { link } = await open(t, `redis://127.0.0.1:${port}`);
  for (let slot = 0; slot < 6000; slot++) link.remove('key', `slot-${slot}`);
  await turn();
  let received = '';
  const server = createServer((socket) => {
    socket.on('error', () => undefined).once('data', () => socket.write('+PONG\r\n'));
    socket.on('data', (bytes) => (received += bytes));
  }).listen(port, '127.0.0.1');
  t.teardown(() => server.close());
  const slots = async (): Promise<string[]> => received.match(/slot-\d+(?=\r)/g) ?? [];
  const owed = await pollUntil('the last is there', slots, (all) => all.includes('slot-5999'));
  t.equal(owed.length, 5000);
  for (let slot = 0; slot < 6000; slot++) link.remove('key', `slot-more-${slot}`);
  await sleep(500);
  const more = received.match(/slot-more-\d+(?=\r)/g) ?? [];
  t.ok(more.length > 4900 && more.length <= 5000, `${more.length}`);
});

t.test('a Redis that answers no more is given up, whatever it is sent', async (t) => {
  let connections = 0;
  const server = createServer((socket) => {
    connections += 1;
    socket.on('error', () => undefined).once('data', () => socket.write('+PONG\r\n'));
  }).listen(0, '127.0.0.1');
  t.teardown(() => server.close());
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const { link, lines } = await open(t, `redis://127.0.0.1:${port}`);
  const again = async () => {
    link.remove('key', 'member');
    return connections;
  };
  await pollUntil('it connects again', again, (count) => count > 1);
  t.match(lines(), [{ err: { message: /^Redis did not answer within/ } }], 'calls did not wait');
});

t.test('a Redis with TLS is told which name it has, and no address', async (t) => {
  const { ca, issue } = await createAuthority();
  trust(t, ca);
  const names = ['localhost', '127.0.0.1'];
  const server = createTlsServer(await issue({ names })).listen(0, '127.0.0.1');
  t.teardown(() => server.close());
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  for (const [name, told] of [
    ['localhost', 'localhost'],
    ['127.0.0.1', false],
  ]) {
    await open(t, `rediss://${name}:${port}`);
    const [socket] = (await once(server, 'secureConnection')) as [TLSSocket];
    t.equal(socket.servername, told);
  }
});

t.test('a connection that is not made yet ends with its link', async (t) => {
  const server = createServer().listen(0, '127.0.0.1');
  t.teardown(() => server.close());
  await once(server, 'listening');
  const { link, lines } = await open(
    t,
    `rediss://127.0.0.1:${(server.address() as AddressInfo).port}`,
  );
  const [socket] = (await once(server, 'connection')) as [Socket];
  await link.stop();
  // The library would wait for 5 s.
  await once(socket.resume(), 'close', { signal: AbortSignal.timeout(2000) });
  server.on('connection', () => t.fail('it connects again'));
  await sleep(1200);
  t.same(lines(), [], 'it is not away');
});

t.test('a Redis with a password', { skip: noRedis }, async (t) => {
  const redis = await startRedis(t);
  const { port } = new URL(redis.url);
  const at = (credentials: string, path = '') => `redis://${credentials}@127.0.0.1:${port}${path}`;
  await redis.ask('ACL SETUSER proxy on >p@ss:%wörd ~* +@all');
  await redis.ask('SET which zero');
  const read = (link: RedisLink) =>
    link.run("return {redis.call('EXISTS', KEYS[1])}", ['which'], [], 1);
  const isThere = (answer: readonly unknown[] | undefined) => answer !== undefined;

  t.test('takes a user, a password and a database', async (t) => {
    const { link } = await open(t, at('proxy:p%40ss%3A%25w%C3%B6rd'));
    t.same(await pollUntil('it answers', () => read(link), isThere), [1]);
    const { link: other } = await open(t, at('proxy:p%40ss%3A%25w%C3%B6rd', '/5'));
    t.same(await pollUntil('it answers', () => read(other), isThere), [0]);
    const { lines } = await open(t, at('proxy:p%40ss%3A%25w%C3%B6rd', '/99'));
    await pollUntil('it is away', async () => lines().length, Boolean);
    t.match(lines(), [{ err: { message: /^ERR DB index/ } }]);
  });

  t.test('is away until it takes the password, and says so', async (t) => {
    await redis.ask('CONFIG SET requirepass one');
    const without = await open(t, redis.url);
    const wrong = await open(t, at(':two'));
    for (const [{ lines }, message] of [
      [without, /^NOAUTH/],
      [wrong, /^WRONGPASS/],
    ] as const) {
      await pollUntil('it is away', async () => lines().length, Boolean);
      t.match(lines(), [{ msg: /^Redis is away/, err: { message } }]);
    }
    const { link } = await open(t, at(':one'));
    t.same(await pollUntil('it answers', () => read(link), isThere), [1]);
    await redis.kill();
    await redis.start();
    await redis.ask('CONFIG SET requirepass two');
    t.same(await pollUntil('it answers', () => read(wrong.link), isThere), [0]);
    await pollUntil(
      'it is back',
      async () => wrong.lines().length,
      (count) => count === 2,
    );
    t.match(wrong.lines()[1], { msg: /^Redis is back/ });
  });
});

t.test('a Redis with TLS is trusted by its certificate', { skip: noRedis }, async (t) => {
  const redis = await startRedis(t);
  const { ca, issue } = await createAuthority();
  const folder = t.testdir({ ca, ...(await issue({ names: ['localhost'] })) });
  const port = await freePort();
  for (const [name, value] of [
    ['tls-auth-clients', 'no'],
    ['tls-ca-cert-file', `${folder}/ca`],
    ['tls-key-file', `${folder}/key`],
    ['tls-cert-file', `${folder}/cert`],
    ['tls-port', port],
  ]) {
    t.equal(await redis.ask(`CONFIG SET ${name} ${value}`), '+OK\r\n', String(name));
  }
  const { lines } = await open(t, `rediss://localhost:${port}`);
  await pollUntil('it is away', async () => lines().length, Boolean);
  t.match(lines(), [{ err: { code: /CERT|ISSUER/ } }]);
  trust(t, ca);
  const { link } = await open(t, `rediss://localhost:${port}`);
  const answer = () => link.run('return {1}', [], [], 1);
  t.same(await pollUntil('it answers', answer, (one) => one !== undefined), [1]);
  const other = await open(t, `rediss://127.0.0.1:${port}`);
  await pollUntil('it is away', async () => other.lines().length, Boolean);
  t.match(other.lines(), [{ err: { code: 'ERR_TLS_CERT_ALTNAME_INVALID' } }]);
});
