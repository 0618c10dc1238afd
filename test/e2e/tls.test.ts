import { X509Certificate } from 'node:crypto';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { changeDocument, contentOf } from '../../keyserver/operations/documents.ts';
import { parseLimits } from '../../keyserver/operations/proxy-limits.ts';
import { createAuthority, type ServerIdentity } from '../support/certificates.ts';
import { callHttps } from '../support/https-call.ts';
import { type IdentityPaths, mountIdentity, writeIdentity } from '../support/identity-files.ts';
import { opsOrigin, readiness } from '../support/listening.ts';
import { makeState, seed, tokenType } from '../support/pair-state.ts';
import { showAuthorization, showOf, startPlainUpstream } from '../support/plain-upstream.ts';
import { pollUntil } from '../support/poll-until.ts';
import { runMain, type ServiceProcess } from '../support/service-process.ts';

const authority = await createAuthority();
const { ca } = authority;

const listenerFiles = ({ cert, key }: IdentityPaths) => ({
  TLS_CERT_FILE: cert,
  TLS_KEY_FILE: key,
});
const clientFiles = (files: IdentityPaths) => ({
  KEYSERVER_CA_FILE: files.ca,
  KEYSERVER_CLIENT_CERT_FILE: files.cert,
  KEYSERVER_CLIENT_KEY_FILE: files.key,
});

/** The URL of a service, by the name of its certificate. */
async function originOf(service: ServiceProcess): Promise<string> {
  return `https://localhost:${new URL(await service.listening()).port}`;
}

/** Both services over TLS, each knowing the other by its certificate: KeyServer lets in `proxy.example`. */
async function startTlsPair(t: Test, shown: ServerIdentity) {
  const upstream = await startPlainUpstream(t, showAuthorization);
  const state = await makeState(t);
  const { proxyKey, appKey, tokens } = await seed(state, upstream);
  const mounted = join(state.folder, 'mounted');
  const serverFiles = mountIdentity(mounted, '..v1', await authority.issue(), ca);
  const proxyFiles = writeIdentity(join(state.folder, 'proxy'), await authority.issue());
  const shownFiles = writeIdentity(join(state.folder, 'shown'), shown, ca);
  const keyserver = runMain(t, 'keyserver/main.ts', {
    ...state.settings,
    ...listenerFiles(serverFiles),
    TLS_CLIENT_CA_FILE: serverFiles.ca,
    TLS_CLIENT_NAMES: 'spiffe://cluster/other, proxy.example',
    PORT: '0',
    OPS_PORT: '0',
  });
  const keyserverOrigin = await originOf(keyserver);
  const proxySettings = {
    PUBLIC_KEY_URL: `${keyserverOrigin}/public_key`,
    TOKEN_REQUEST_URL: `${keyserverOrigin}/`,
    PROXY_KEY: proxyKey,
  };
  const secureproxy = runMain(t, 'secureproxy/main.ts', {
    ...proxySettings,
    ...listenerFiles(proxyFiles),
    ...clientFiles(shownFiles),
    PORT: '0',
    OPS_PORT: '0',
    TOKEN_CACHE_SECONDS: '0',
    KEYSERVER_TIMEOUT_MS: '1000',
  });
  const origin = await originOf(secureproxy);
  const call = () =>
    callHttps(`${origin}/request_api`, {
      ca,
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${appKey}` },
      body: JSON.stringify({ ClientId: 'shop-1', TokenType: tokenType, ApiUri: `${upstream}/` }),
    });
  const ops = await opsOrigin(secureproxy);
  const isReady = () =>
    pollUntil(
      'SecureProxy is ready',
      () => readiness(ops),
      ({ status }) => status === 200,
    );
  const expected = JSON.stringify(showOf(`Bearer ${tokens['shop-1']}`));
  return {
    admin: state.admin,
    proxySettings,
    keyserver,
    keyserverOrigin,
    secureproxy,
    origin,
    call,
    ops,
    isReady,
    expected,
    mounted,
    shownFolder: join(state.folder, 'shown'),
  };
}

const messages = (service: ServiceProcess) => service.lines().map(({ msg }) => String(msg));
const said = (service: ServiceProcess, text: string) =>
  pollUntil(
    text,
    () => messages(service).filter((msg) => msg.includes(text)).length,
    (count) => count > 0,
  );
const handshakeFaults = (service: ServiceProcess) =>
  service
    .lines()
    .filter(({ msg }) => msg === 'TLS handshake failed')
    .map((line) => line['error.type']);
const serialOf = ({ cert }: ServerIdentity) => new X509Certificate(cert).serialNumber;

// One pair, since each start takes a while; the last part ends it.
t.test('TLS on both services, and between them', async (t) => {
  const pair = await startTlsPair(t, await authority.issue({ names: ['other.example'] }));
  const shown = await authority.issue({ names: ['proxy.example'] });
  const publicKey = `${pair.keyserverOrigin}/public_key`;

  await t.test(
    'a proxy that shows another name is let in once its certificate is changed',
    async (t) => {
      await said(pair.keyserver, 'connection refused');
      t.equal((await readiness(pair.ops)).status, 503);
      t.match(await pair.call(), { status: 503, text: /keyserver_unreachable/ });
      t.notOk(
        pair.keyserver.lines().some(({ msg }) => msg === 'request'),
        'nothing was asked',
      );
      writeIdentity(pair.shownFolder, shown, ca);
      await pair.isReady();
      t.match(await pair.call(), { status: 200, text: pair.expected });
    },
  );

  await t.test(
    'calls go from app to marketplace, and KeyServer serves its proxies alone',
    async (t) => {
      t.match(await readiness(await opsOrigin(pair.keyserver)), { status: 200 });
      t.same(handshakeFaults(pair.keyserver), []);
      t.equal((await callHttps(publicKey, { ca, identity: shown })).status, 200);
      await t.rejects(callHttps(publicKey, { ca }), 'no certificate');
      await t.rejects(
        callHttps(publicKey, { ca, identity: await authority.issue() }),
        'another name',
      );
      const strange = await (await createAuthority()).issue({ names: ['proxy.example'] });
      await t.rejects(callHttps(publicKey, { ca, identity: strange }), 'another CA');
      const faults = await pollUntil(
        'the entry is written',
        async () => handshakeFaults(pair.keyserver),
        ({ length }) => length > 0,
      );
      // That of the other CA may be written by now, too.
      t.equal(faults[0], 'ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE');
      for (const origin of [pair.keyserverOrigin, pair.origin]) {
        await t.rejects(
          fetch(`${origin.replace('https:', 'http:')}/errors/internal`),
          'plain http',
        );
      }
    },
  );

  await t.test(
    'a new certificate is taken over from swapped links, a wrong pair is not',
    async (t) => {
      const serial = async () => (await callHttps(publicKey, { ca, identity: shown })).serial;

      const second = await authority.issue();
      mountIdentity(pair.mounted, '..v2', second, ca);
      await pollUntil('the new certificate', serial, (now) => now === serialOf(second));
      t.match(await pair.call(), { status: 200, text: pair.expected });

      const [third, other] = [await authority.issue(), await authority.issue()];
      mountIdentity(pair.mounted, '..v3', { cert: third.cert, key: other.key }, ca);
      await said(pair.keyserver, 'TLS files cannot be used');
      t.equal(await serial(), serialOf(second), 'the old one stays');
      t.match(await pair.call(), { status: 200, text: pair.expected });

      mountIdentity(pair.mounted, '..v4', third, ca);
      await pollUntil('the mended pair', serial, (now) => now === serialOf(third));
    },
  );

  await t.test(
    'a proxy that is limited to a certificate calls with it, and not with another',
    async (t) => {
      const limit = (...certificateNames: string[]) =>
        changeDocument(pair.admin, 'proxy', 'proxy-1', (current) => ({
          keys: contentOf('proxy', 'proxy-1', current).keys,
          ...parseLimits({ certificateNames }),
        }));
      const until = (wanted: number) =>
        pollUntil(`${wanted}`, pair.call, ({ status }) => status === wanted);
      await limit('spiffe://cluster/other', 'Proxy.Example');
      t.match(await pair.call(), { status: 200, text: pair.expected });
      await limit('other.example');
      t.match((await until(503)).text, /proxy_unknown/);
      await said(pair.keyserver, 'proxy key refused');
      t.match(
        pair.keyserver.lines().filter(({ msg }) => String(msg).startsWith('proxy key refused')),
        [{ level: 'warn', proxy: 'proxy-1', names: ['proxy.example'] }],
      );
      await limit();
      t.equal((await until(200)).text, pair.expected);
    },
  );

  await t.test('a KeyServer of another CA is not trusted', async (t) => {
    const folder = t.testdir({});
    const { ca: otherCa } = await createAuthority();
    const other = writeIdentity(folder, shown, otherCa);
    const secureproxy = runMain(t, 'secureproxy/main.ts', {
      ...pair.proxySettings,
      ...clientFiles(other),
      PORT: '0',
      KEYSERVER_TIMEOUT_MS: '5000',
    });
    await said(secureproxy, 'not ready: calls fail');
    t.match(JSON.stringify(secureproxy.lines()), 'CERT_SIGNATURE_FAILURE');
    t.equal((await readiness(await secureproxy.listening())).status, 503);
  });

  for (const service of [pair.secureproxy, pair.keyserver]) {
    service.child.kill('SIGTERM');
    t.equal(await service.ended, 0);
  }
});

t.test(
  'files that cannot be used end the start with code 78 and a line that names them',
  async (t) => {
    const state = await makeState(t);
    const [one, two] = [await authority.issue(), await authority.issue()];
    const files = writeIdentity(join(state.folder, 'tls'), { cert: one.cert, key: two.key }, ca);
    const main = runMain(t, 'keyserver/main.ts', {
      ...state.settings,
      ...listenerFiles(files),
      PORT: '0',
    });
    t.equal(await main.ended, 78);
    t.equal(
      main.stderr(),
      `settings cannot be used:\n  - TLS_KEY_FILE: ${files.key} is not the key of the certificate in ${files.cert}\n`,
    );
  },
);
