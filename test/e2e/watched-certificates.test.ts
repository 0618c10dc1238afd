import { join } from 'node:path';
import t, { type Test } from 'tap';
import { createAuthority, days } from '../support/certificates.ts';
import { freePort } from '../support/free-port.ts';
import { writeIdentity } from '../support/identity-files.ts';
import { scratchStore, startKeyserver } from '../support/keyserver.ts';
import { parseSamples } from '../support/prometheus.ts';
import { startProxy } from '../support/proxy.ts';

const authority = await createAuthority();
/** The authority's own certificate. */
const daysOfCa = 30;

/** Files of a certificate that ends then. */
async function identity(t: Test, name: string, end: number) {
  const issued = await authority.issue({ notAfter: days(end) });
  return writeIdentity(join(t.testdirName, name), issued, authority.ca);
}

/** The days left of each certificate that a service watches. */
async function watched(opsPort: number) {
  const text = await (await fetch(`http://127.0.0.1:${opsPort}/metrics`)).text();
  return Object.fromEntries(
    parseSamples(text)
      .filter(({ name }) => name.endsWith('_certificate_seconds_left'))
      .map(({ labels, value }) => [labels.certificate, Math.round(value / 86_400)]),
  );
}

t.test('each certificate that a service uses or is shown is watched', async (t) => {
  t.testdir({});
  const ofKeyserver = await identity(t, 'keyserver', 80);
  const ofDatabase = await identity(t, 'database', 70);
  const ofProxy = await identity(t, 'proxy', 60);
  const client = await identity(t, 'client', 50);
  const ofUpstream = await identity(t, 'upstream', 40);
  const opsOfKeyserver = await freePort();
  const keyserver = await startKeyserver(t, {
    store: await scratchStore(t),
    settings: {
      OPS_PORT: String(opsOfKeyserver),
      TLS_CERT_FILE: ofKeyserver.cert,
      TLS_KEY_FILE: ofKeyserver.key,
      TLS_CLIENT_CA_FILE: ofKeyserver.ca,
      DB_FILE: '',
      DB_HOST: '127.0.0.1',
      DB_USER: 'u',
      DB_NAME: 'd',
      DB_TLS_CA: ofDatabase.cert,
    },
  });
  t.same(await watched(opsOfKeyserver), {
    TLS_CERT_FILE: 80,
    TLS_CLIENT_CA_FILE: daysOfCa,
    DB_TLS_CA: 70,
  });

  const opsOfProxy = await freePort();
  const proxy = await startProxy(t, {
    keyserverUrl: `https://localhost:${new URL(keyserver.url).port}`,
    proxyKey: await keyserver.putProxy('edge'),
    settings: {
      OPS_PORT: String(opsOfProxy),
      TLS_CERT_FILE: ofProxy.cert,
      TLS_KEY_FILE: ofProxy.key,
      TLS_CLIENT_CA_FILE: ofProxy.ca,
      KEYSERVER_CLIENT_CERT_FILE: client.cert,
      KEYSERVER_CLIENT_KEY_FILE: client.key,
      KEYSERVER_CA_FILE: client.ca,
      UPSTREAM_CA_FILE: ofUpstream.cert,
    },
  });
  await proxy.client.changes(0);
  t.same(await watched(opsOfProxy), {
    TLS_CERT_FILE: 60,
    TLS_CLIENT_CA_FILE: daysOfCa,
    KEYSERVER_CLIENT_CERT_FILE: 50,
    KEYSERVER_CA_FILE: daysOfCa,
    UPSTREAM_CA_FILE: 40,
    'KeyServer at localhost': 80,
  });
});
