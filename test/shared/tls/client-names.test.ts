import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type ServerOptions } from 'node:https';
import type { AddressInfo } from 'node:net';
import { connect, type TLSSocket } from 'node:tls';
import t, { type Test } from 'tap';
import {
  allowClientNames,
  certificateNames,
  parseClientNames,
} from '../../../shared/tls/client-names.ts';
import {
  createAuthority,
  type SelfSignedOptions,
  type ServerIdentity,
  selfSigned,
} from '../../support/certificates.ts';
import { capturedLog } from '../../support/log.ts';

const authority = await createAuthority();
const serverIdentity = await authority.issue();

const namesOf = async (options: SelfSignedOptions) =>
  certificateNames(new X509Certificate((await selfSigned(options)).cert));
const dns = (value: string) => ({ type: 'dns', value }) as const;
const url = (value: string) => ({ type: 'url', value }) as const;

t.test('names are DNS names and URIs', async (t) => {
  const alternatives = [
    dns('Proxy.Example'),
    url('spiffe://cluster/ns/a/sa/Proxy'),
    { type: 'ip', value: '127.0.0.1' },
    { type: 'email', value: 'a@proxy.example' },
    dns('two.example'),
  ] as const;
  t.same(await namesOf({ subject: 'CN=other.example', alternatives }), [
    'proxy.example',
    'spiffe://cluster/ns/a/sa/Proxy',
    'two.example',
  ]);
});

t.test('the common name counts only where there are neither', async (t) => {
  t.same(await namesOf({ subject: 'CN=Proxy.example', alternatives: [] }), ['proxy.example']);
  t.same(
    await namesOf({
      subject: 'CN=proxy.example',
      alternatives: [{ type: 'ip', value: '127.0.0.1' }],
    }),
    ['proxy.example'],
  );
  t.same(await namesOf({ subject: 'O=proxy.example', alternatives: [] }), []);
});

t.test('a name that is written like two is one', async (t) => {
  for (const value of ['a.example, DNS:b.example', 'a.example", DNS:"b.example', 'a, URI:b']) {
    const names = await namesOf({ alternatives: [dns(value)] });
    t.same(names, [value.toLowerCase()]);
  }
  t.same(await namesOf({ alternatives: [url('x://a, DNS:b.example'), dns('c.example')] }), [
    'x://a, DNS:b.example',
    'c.example',
  ]);
});

t.test('the setting is a list', async (t) => {
  t.same(parseClientNames(' Proxy.Example, ,spiffe://Cluster/Proxy,'), [
    'proxy.example',
    'spiffe://Cluster/Proxy',
  ]);
  t.same(parseClientNames(' , '), []);
});

async function serve(t: Test, allowed: readonly string[], more: ServerOptions = {}) {
  const log = capturedLog('test');
  let requests = 0;
  const server = createServer(
    { ...serverIdentity, ca: authority.ca, requestCert: true, rejectUnauthorized: true, ...more },
    (_request, response) => {
      requests += 1;
      response.end('x');
    },
  );
  allowClientNames(server, allowed, log.logger);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  let session: Buffer | undefined;
  const call = async (identity: Partial<ServerIdentity>, resumes = false) => {
    const socket: TLSSocket = connect({
      port,
      host: '127.0.0.1',
      servername: 'localhost',
      ca: authority.ca,
      ...identity,
      ...(resumes && session ? { session } : {}),
    });
    socket.on('session', (given) => {
      session = given;
    });
    let text = '';
    socket.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
    });
    let resumed = false;
    socket.once('secureConnect', () => {
      resumed = socket.isSessionReused();
    });
    socket.on('error', () => undefined);
    socket.write('GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
    await new Promise((done) => socket.once('close', done));
    return { answered: text.startsWith('HTTP/1.1 200 '), resumed };
  };
  return { call, requests: () => requests, refused: () => log.lines() };
}

t.test('lets in who has an allowed name, and nobody else', async (t) => {
  const { call, requests, refused } = await serve(t, ['proxy.example']);
  t.match(await call(await authority.issue({ names: ['proxy.example'] })), { answered: true });
  t.match(await call(await authority.issue({ names: ['x.example', 'PROXY.example'] })), {
    answered: true,
  });
  t.equal(requests(), 2);
  t.same(refused(), []);
  const others = ['other.example', 'proxy.example.evil.example', 'a.proxy.example', '*.example'];
  for (const name of others) {
    t.match(await call(await authority.issue({ names: [name] })), { answered: false }, name);
  }
  t.match(await call({}), { answered: false });
  t.match(await call(await (await createAuthority()).issue({ names: ['proxy.example'] })), {
    answered: false,
  });
  t.equal(requests(), 2, 'nothing was read from them');
  t.match(
    refused().map(({ names }) => names),
    others.map((name) => [name]),
  );
});

for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
  t.test(`a resumed session of ${maxVersion} has the names that it began with`, async (t) => {
    const { call } = await serve(t, ['proxy.example'], { maxVersion });
    const identity = await authority.issue({ names: ['proxy.example'] });
    await call(identity);
    t.same(await call(identity, true), { answered: true, resumed: true });
    const { call: elsewhere, requests } = await serve(t, ['another.example'], { maxVersion });
    await elsewhere(identity);
    t.match(await elsewhere(identity, true), { answered: false });
    t.equal(requests(), 0);
  });
}
