import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { keyserverProgram } from '../../keyserver/start.ts';
import type { secureproxySettings } from '../../secureproxy/config.ts';
import { secureproxyProgram } from '../../secureproxy/start.ts';
import { makeCallerKey } from '../../shared/crypto/caller-key.ts';
import type { Readiness } from '../../shared/http/health.ts';
import type { Environment } from '../../shared/settings/config.ts';
import { createAuthority } from '../support/certificates.ts';
import { testClock } from '../support/clock.ts';
import { writeIdentity } from '../support/identity-files.ts';
import { pollUntil } from '../support/poll-until.ts';
// It does not ask for changes, as if the feed were cut: other rows make many.
import { sendRequest, startProxy as startUnpolled } from '../support/proxy.ts';
import { startTcpForwarder } from '../support/tcp-forwarder.ts';
import { until } from '../support/until.ts';
import { startUpstream } from '../support/upstream.ts';
import { keyserverSettingsIn } from './keyserver-scene.ts';
import { limitRows } from './limit-rows.ts';
import { listenerRows, type Subject } from './listener-rows.ts';
import {
  appKey,
  asked,
  call,
  keyserver,
  proxyKey,
  putType,
  settingsAt,
  startProxy,
  startScene,
} from './secureproxy-scene.ts';
import { newFolder, startService } from './service.ts';
import { once, type Row } from './table.ts';
import { upstreamRows } from './upstream-rows.ts';

const secureproxy: Subject = {
  name: 'secureproxy',
  settings: () => settingsAt(),
  start: startProxy,
  callPath: '/request_api',
  callHeader: `Authorization: Bearer ${appKey}`,
};

const asProxy = { keyserverUrl: keyserver.url, proxyKey };

const callsMax: Row = async (t) => {
  const { upstream, call } = await startScene(t, { CALLS_MAX: '1' });
  upstream.script(() => undefined);
  const first = call();
  first.catch(() => undefined);
  await until(() => upstream.requests.length === 1);
  t.match(await call(), { status: 503, problem: { code: 'overloaded', reason: 'calls' } });
};

/** A KeyServer over TLS, which wants a certificate of its proxies. */
const keyserverTls: Row = once(async (t) => {
  const authority = await createAuthority();
  const files = writeIdentity(newFolder(t), await authority.issue(), authority.ca);
  const ofProxy = writeIdentity(newFolder(t), await authority.issue(), authority.ca);
  const server = await startService(t, keyserverProgram, {
    ...keyserverSettingsIn(newFolder(t)),
    TLS_CERT_FILE: files.cert,
    TLS_KEY_FILE: files.key,
    TLS_CLIENT_CA_FILE: files.ca,
  });
  const settings = {
    ...settingsAt(`https://localhost:${server.address.port}`),
    KEYSERVER_CA_FILE: ofProxy.ca,
    KEYSERVER_CLIENT_CERT_FILE: ofProxy.cert,
    KEYSERVER_CLIENT_KEY_FILE: ofProxy.key,
    // It asks again, so that a slow machine does no harm.
    KEYSERVER_TIMEOUT_MS: '1800',
  };
  const comesTo = async (state: string, further: Environment = {}) => {
    const { url } = await startService(t, secureproxyProgram, { ...settings, ...further });
    await pollUntil(
      `KeyServer is ${state}`,
      async () => (await (await fetch(`${url}/readyz`)).json()) as Readiness,
      ({ checks, detail }) => detail !== undefined && checks.keyserver === state,
    );
  };
  const noCertificate = { KEYSERVER_CLIENT_CERT_FILE: '', KEYSERVER_CLIENT_KEY_FILE: '' };
  await t.resolves(
    Promise.all([
      comesTo('proxy_unknown'),
      comesTo('not_reached', { KEYSERVER_CA_FILE: '' }),
      comesTo('not_reached', noCertificate),
    ]),
  );
});

/** Rows of SecureProxy's settings. */
export const secureproxyRows: Readonly<
  Record<keyof (typeof secureproxySettings)['properties'], Row>
> = {
  ...listenerRows(secureproxy, callsMax),
  ...upstreamRows,
  ...limitRows,

  PUBLIC_KEY_URL: async (t) => {
    const forwarder = await startTcpForwarder(t, [Number(new URL(keyserver.url).port)]);
    const PUBLIC_KEY_URL = `http://127.0.0.1:${forwarder.port}/public_key`;
    const { call } = await startScene(t, { PUBLIC_KEY_URL });
    t.equal((await call()).status, 200);
    t.equal(forwarder.accepted, 1);
  },

  TOKEN_REQUEST_URL: async (t) => {
    const forwarder = await startTcpForwarder(t, [Number(new URL(keyserver.url).port)]);
    const TOKEN_REQUEST_URL = `http://127.0.0.1:${forwarder.port}/`;
    const { call } = await startScene(t, { TOKEN_REQUEST_URL });
    t.equal((await call()).status, 200);
    t.ok(forwarder.accepted > 0);
  },

  PROXY_KEY: async (t) => {
    const key = await keyserver.putProxy('another');
    const file = join(newFolder(t), 'key');
    writeFileSync(file, `${key}\n`, { mode: 0o600 });
    for (const settings of [{ PROXY_KEY: key }, { PROXY_KEY: '', PROXY_KEY_FILE: file }]) {
      const { call, type } = await startScene(t, settings);
      t.equal((await call()).status, 200);
      const line = keyserver.log().find((one) => one.token_type === type);
      t.equal(line?.proxy, 'another');
    }
  },

  PUBLIC_KEY_PINS: async (t) => {
    const { keyId } = keyserver.rsaKeys.primary;
    const other = await startScene(t, { PUBLIC_KEY_PINS: 'another-key-id' });
    t.match(await other.call(), {
      status: 503,
      problem: { code: 'keyserver_unavailable', reason: 'public_key_not_pinned' },
    });
    const pinned = await startScene(t, { PUBLIC_KEY_PINS: `another-key-id, ${keyId}` });
    t.equal((await pinned.call()).status, 200);
  },

  UNSAFE_UNPINNED_KEY: async (t) => {
    // An address of this machine that is not of 127.0.0.0/8.
    const far = settingsAt(keyserver.url.replace('127.0.0.1', '0.0.0.0'));
    await t.rejects(startProxy(t, { ...far, UNSAFE_UNPINNED_KEY: '0' }), {
      message: /or accept the risk with UNSAFE_UNPINNED_KEY=1/,
    });
    const { call } = await startScene(t, { ...far, UNSAFE_UNPINNED_KEY: '1' });
    t.equal((await call()).status, 200);
  },

  KEYSERVER_CA_FILE: keyserverTls,
  KEYSERVER_CLIENT_CERT_FILE: keyserverTls,
  KEYSERVER_CLIENT_KEY_FILE: keyserverTls,

  KEYSERVER_TIMEOUT_MS: async (t) => {
    const forwarder = await startTcpForwarder(t, [Number(new URL(keyserver.url).port)]);
    const { url, call, type, upstream } = await startScene(t, {
      ...settingsAt(`http://127.0.0.1:${forwarder.port}`),
      KEYSERVER_TIMEOUT_MS: '400',
    });
    // The first changes drop the callers that were known before them.
    const metrics = async () => (await fetch(`${url}/metrics`)).text();
    await pollUntil('changes', metrics, (text) =>
      /^secureproxy_changes_age_seconds \d/m.test(text),
    );
    await pollUntil(
      'a call',
      () => call(),
      ({ status }) => status === 200,
    );
    forwarder.halt();
    // Its own time is up before that of the default, which would be another reason.
    const members = { ClientId: 'shop-2', TokenType: type, TimeoutMs: 1600 };
    const body = JSON.stringify({ ...members, ApiUri: `http://127.0.0.1:${upstream.port}/v1` });
    t.match(await call({ body }), {
      status: 503,
      problem: { code: 'keyserver_unavailable', reason: 'keyserver_unreachable' },
    });
  },

  KEYSERVER_CONNECTIONS: async (t) => {
    const forwarder = await startTcpForwarder(t, [Number(new URL(keyserver.url).port)]);
    const { call } = await startScene(t, {
      ...settingsAt(`http://127.0.0.1:${forwarder.port}`),
      KEYSERVER_CONNECTIONS: '3',
    });
    // The session is there before the others ask.
    t.equal((await call()).status, 200);
    const goOn = forwarder.halt();
    const strangers = Promise.all(
      Array.from({ length: 12 }, () => call({ key: makeCallerKey('spk_') })),
    );
    await until(() => forwarder.accepted === 3);
    goOn();
    await strangers;
    t.equal(forwarder.accepted, 3);
  },

  TOKEN_CACHE_SECONDS: async (t) => {
    const { port } = await startUpstream(t);
    const target = `http://127.0.0.1:${port}`;
    // The times of KeyServer's answers, of calls after these pauses.
    const askedBy = async (seconds: string, pausesMs: readonly number[]) => {
      const clock = testClock();
      const settings = { TOKEN_CACHE_SECONDS: seconds };
      const { url } = await startUnpolled(t, { ...asProxy, clock, settings });
      const type = await putType({ destinations: [target] });
      const times: number[] = [];
      for (const ms of pausesMs) {
        clock.advance(ms);
        t.equal((await call(url, type, target)).status, 200);
        times.push(asked(type));
      }
      return times;
    };
    t.same(await askedBy('0', [0, 0]), [1, 2], 'none is cached');
    t.same(await askedBy('3', [0, 2200, 900]), [1, 1, 2]);
  },

  TOKEN_CACHE_MAX: async (t) => {
    const { port } = await startUpstream(t);
    const target = `http://127.0.0.1:${port}`;
    const type = await putType({ destinations: [target] });
    const settings = { TOKEN_CACHE_MAX: '2' };
    const { url } = await startUnpolled(t, { ...asProxy, clock: testClock(), settings });
    const clients = ['shop-1', 'shop-2', 'shop-3'];
    for (const client of clients) await keyserver.putToken(client, type, 'fixture-token');
    const times: number[] = [];
    for (const client of ['shop-1', 'shop-2', 'shop-1', 'shop-3', 'shop-2']) {
      t.equal((await call(url, type, target, { client })).status, 200);
      times.push(asked(type));
    }
    t.same(times, [1, 2, 2, 3, 4]);
  },

  BODY_LIMIT_BYTES: async (t) => {
    const { call, type, upstream } = await startScene(t, { BODY_LIMIT_BYTES: '2000' });
    const target = `http://127.0.0.1:${upstream.port}/v1`;
    const members = { ClientId: 'shop-1', TokenType: type, ApiUri: target };
    const body = JSON.stringify(members).padEnd(2000);
    t.equal((await call({ body })).status, 200);
    t.match(await call({ body: `${body} ` }), {
      status: 413,
      problem: { code: 'body_too_large' },
    });
  },

  TRUSTED_HOSTS: async (t) => {
    const { call } = await startScene(t, { TRUSTED_HOSTS: 'one.internal, proxy.internal' });
    const reasonAt = async (host: string) => (await call({ key: null, host })).problem.reason;
    t.equal(await reasonAt('proxy.internal'), 'app_unknown');
    t.equal(await reasonAt('other.internal'), 'host_untrusted');
  },

  DOCS: async (t) => {
    const statusOf = async (DOCS: string) => {
      const { url } = await startProxy(t, { DOCS });
      return (await sendRequest(`${url}/docs`)).status;
    };
    t.not(await statusOf('on'), 404);
    t.equal(await statusOf('off'), 404);
  },
};
