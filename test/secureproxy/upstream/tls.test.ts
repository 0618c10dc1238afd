import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import t, { type Test } from 'tap';
import {
  beyondConstraints,
  createAuthority,
  days,
  type ServerIdentity,
  selfSigned,
} from '../../support/certificates.ts';
import { releaseOf, startProxy } from '../../support/proxy.ts';
import { until } from '../../support/until.ts';
import { startUpstream } from '../../support/upstream.ts';

const authority = await createAuthority();

async function setUp(t: Test, identity: ServerIdentity, ca: string = authority.ca) {
  const upstream = await startUpstream(t, { identity });
  const proxy = await startProxy(t, {
    obtain: async () => {
      const release = releaseOf({ destinations: [upstream.url] });
      const { unsafePlaintext: _, ...policy } = release.policy;
      return { ...release, policy };
    },
    ca,
  });
  const call = () =>
    proxy.call({ ClientId: 'acme', TokenType: 'test', ApiUri: `${upstream.url}/`, Method: 'GET' });
  return { upstream, call };
}

t.test('calls a server whose certificate is right', async (t) => {
  const { upstream, call } = await setUp(t, await authority.issue());
  t.match(await call(), { status: 200, text: 'ok' });
  t.match(await call(), { status: 200, text: 'ok' });
  t.equal(upstream.connections(), 1, 'over one connection');
});

const wrong: Readonly<Record<string, () => Promise<ServerIdentity>>> = {
  'has expired': () => authority.issue({ notBefore: days(-2), notAfter: days(-1) }),
  'is not valid yet': () => authority.issue({ notBefore: days(1), notAfter: days(2) }),
  'is for another name': () => authority.issue({ names: ['other.example'] }),
  'is for a longer name': () => authority.issue({ names: ['localhost.evil.example'] }),
  'is for the address only': () => authority.issue({ names: ['127.0.0.1'] }),
  'is self-signed': () => selfSigned(),
  'is of a CA that is not trusted': async () => (await createAuthority()).issue(),
};

for (const [what, make] of Object.entries(wrong)) {
  t.test(`sends nothing where the certificate ${what}, however often it is tried`, async (t) => {
    const { upstream, call } = await setUp(t, await make());
    for (let i = 0; i < 3; i++) {
      const answer = await call();
      t.match(answer, {
        status: 502,
        problem: { code: 'upstream_unreachable', reason: 'tls_certificate' },
      });
      t.strictSame(answer.all('proxy-status'), ['secureproxy; error=tls_certificate_error']);
    }
    t.equal(upstream.requests.length, 0);
  });
}

t.test(
  'sends nothing for faults of a certificate that OpenSSL gives no name of their own',
  async (t) => {
    const forClients = await selfSigned({ clientOnly: true });
    const constrained = await beyondConstraints();
    for (const [identity, ca] of [
      [forClients, forClients.cert],
      [constrained, constrained.ca],
    ] as const) {
      const { upstream, call } = await setUp(t, identity, ca);
      const answer = await call();
      t.match(answer, {
        status: 502,
        problem: { code: 'upstream_unreachable', reason: 'tls_certificate' },
      });
      t.strictSame(answer.all('proxy-status'), ['secureproxy; error=tls_certificate_error']);
      t.equal(upstream.requests.length, 0);
    }
  },
);

t.test('a handshake that is reset or ended says that nothing was sent', async (t) => {
  for (const end of ['resetAndDestroy', 'end'] as const) {
    const server = createServer((socket) => {
      socket.on('error', () => undefined).once('data', () => socket[end]());
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    t.teardown(() => server.close());
    const origin = `https://localhost:${(server.address() as AddressInfo).port}`;
    const proxy = await startProxy(t, {
      obtain: async () => releaseOf({ destinations: [origin] }),
    });
    const answer = await proxy.call({ ClientId: 'acme', TokenType: 'test', ApiUri: `${origin}/` });
    t.match(answer, {
      status: 502,
      problem: { reason: 'tls_protocol', detail: /nothing was sent/ },
    });
  }
});

t.test('a name that moves to a server with a wrong certificate gets nothing there', async (t) => {
  const good = await startUpstream(t, { identity: await authority.issue() });
  let address = '127.0.0.1';
  const proxy = await startProxy(t, {
    obtain: async () => releaseOf({ destinations: [good.url] }),
    ca: authority.ca,
    lookup: async () => [address],
  });
  const call = () =>
    proxy.call({ ClientId: 'acme', TokenType: 'test', ApiUri: `${good.url}/`, Method: 'GET' });
  t.equal((await call()).status, 200);
  // The same origin, and so the same pool with its TLS sessions.
  address = '127.0.0.2';
  const { port } = good;
  const bad = await startUpstream(t, { identity: await selfSigned(), host: address, port });
  await good.close();
  await until(() => good.open.size === 0);
  t.match(await call(), { status: 502, problem: { code: 'upstream_unreachable' } });
  t.match(await call(), { status: 502, problem: { reason: 'tls_certificate' } });
  t.equal(bad.requests.length, 0);
});

t.test('a literal address is checked as an address, and sends no server name', async (t) => {
  for (const [names, status] of [
    [['127.0.0.1'], 200],
    [['localhost'], 502],
    [['127.0.0.2'], 502],
  ] as const) {
    const upstream = await startUpstream(t, { identity: await authority.issue({ names }) });
    const literal = `https://127.0.0.1:${upstream.port}`;
    const proxy = await startProxy(t, {
      obtain: async () => releaseOf({ destinations: [literal] }),
      ca: authority.ca,
    });
    const answer = await proxy.call({
      ClientId: 'acme',
      TokenType: 'test',
      ApiUri: `${literal}/`,
      Headers: { Host: 'localhost' },
    });
    t.equal(answer.status, status, names[0]);
    t.strictSame(
      upstream.requests.map((request) => request.all('host')),
      status === 200 ? [[`127.0.0.1:${upstream.port}`]] : [],
    );
    t.notOk(upstream.serverNames.some(Boolean));
  }
});

t.test('names the host to the server, whatever Host the caller asks for', async (t) => {
  const upstream = await startUpstream(t, { identity: await authority.issue() });
  const proxy = await startProxy(t, {
    obtain: async () => releaseOf({ destinations: [upstream.url] }),
    ca: authority.ca,
  });
  for (const Host of ['localhost', 'other.example', ['a.example', 'b.example']]) {
    const answer = await proxy.call({
      ClientId: 'acme',
      TokenType: 'test',
      ApiUri: `${upstream.url}/`,
      Headers: { Host, host: 'other.example', HOST: '127.0.0.1' },
    });
    t.equal(answer.status, 200);
  }
  t.strictSame(
    upstream.requests.map((request) => request.all('host')),
    Array(3).fill([`localhost:${upstream.port}`]),
  );
  t.strictSame(upstream.serverNames, ['localhost'], 'one connection, one name');
});

t.test('a server that speaks no TLS is upstream_unreachable', async (t) => {
  const plain = createServer((socket) => {
    socket.on('error', () => undefined).end('HTTP/1.1 400 Bad Request\r\n\r\n');
  });
  plain.listen(0, '127.0.0.1');
  await once(plain, 'listening');
  t.teardown(() => plain.close());
  const origin = `https://localhost:${(plain.address() as AddressInfo).port}`;
  const proxy = await startProxy(t, { obtain: async () => releaseOf({ destinations: [origin] }) });
  const answer = await proxy.call({ ClientId: 'acme', TokenType: 'test', ApiUri: `${origin}/` });
  t.match(answer, {
    status: 502,
    problem: { code: 'upstream_unreachable', reason: 'tls_protocol' },
  });
  t.strictSame(answer.all('proxy-status'), ['secureproxy; error=tls_protocol_error']);
});

t.test('without a CA of its own only public ones are trusted', async (t) => {
  const upstream = await startUpstream(t, { identity: await authority.issue() });
  const proxy = await startProxy(t, {
    obtain: async () => releaseOf({ destinations: [upstream.url] }),
  });
  const answer = await proxy.call({
    ClientId: 'acme',
    TokenType: 'test',
    ApiUri: `${upstream.url}/`,
  });
  t.match(answer, { status: 502, problem: { reason: 'tls_certificate' } });
});

t.test('no environment variable switches the checks off', async (t) => {
  const program = join(import.meta.dirname, '../../support/call-self-signed.ts');
  const { stdout } = await promisify(execFile)(process.execPath, [program], {
    env: { ...process.env, NODE_TLS_REJECT_UNAUTHORIZED: '0', NODE_NO_WARNINGS: '1' },
  });
  t.strictSame(JSON.parse(stdout), {
    fetch: 200,
    upstream: 'tls_certificate',
    keyserver: 'keyserver_unreachable',
  });
});
