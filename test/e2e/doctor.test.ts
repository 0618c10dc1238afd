import { join } from 'node:path';
import t, { type Test } from 'tap';
import { diagnose } from '../../secureproxy/doctor/diagnose.ts';
import { installationOf } from '../../secureproxy/read-settings.ts';
import { secureproxyProgram } from '../../secureproxy/start.ts';
import { makeCallerKey } from '../../shared/crypto/caller-key.ts';
import { createAuthority, days } from '../support/certificates.ts';
import { writeIdentity } from '../support/identity-files.ts';
import { runKeyserver } from '../support/pair.ts';
import { makeState, seed } from '../support/pair-state.ts';
import { runToEnd } from '../support/run-to-end.ts';
import { stillTimers } from '../support/timers.ts';
import { answer, startUpstream } from '../support/upstream.ts';

type Settings = Readonly<Record<string, string>>;

const common = { NODE_ENV: 'production', KEYSERVER_TIMEOUT_MS: '500' };

/** Runs the doctor with these settings alone, in this process. */
async function examine(env: Settings) {
  const found = await secureproxyProgram.doctor?.({ ...common, ...env }, true);
  return { ...parse(found?.text ?? ''), isOk: found?.ok };
}

/** Likewise as a process. */
async function examineByProcess(t: Test, env: Settings) {
  const { code, output } = await runToEnd('secureproxy/main.ts', ['doctor', '--json'], {
    folder: t.testdir({}),
    environment: { ...common, ...env },
  });
  return { ...parse(output), code };
}

function parse(printed: string) {
  const { ok, checks } = JSON.parse(printed) as {
    ok: boolean;
    checks: { name: string; status: string; findings: string[] }[];
  };
  const faults = checks.filter(({ status }) => status === 'fault');
  return {
    ok,
    names: checks.map(({ name }) => name),
    faults: Object.fromEntries(faults.map(({ name, findings }) => [name, findings])),
    warnings: checks.filter(({ status }) => status === 'warning').map(({ name }) => name),
  };
}

t.test('beside a KeyServer', async (t) => {
  const state = await makeState(t);
  const { proxyKey } = await seed(state, 'http://127.0.0.1:9');
  const { port, origin } = await runKeyserver(t, state);
  const good = {
    PUBLIC_KEY_URL: `http://127.0.0.1:${port}/public_key`,
    TOKEN_REQUEST_URL: `http://127.0.0.1:${port}/`,
    PROXY_KEY: proxyKey,
    // Nobody answers there, and no name of the machine's is needed.
    UPSTREAM_DNS_SERVERS: '127.0.0.1:9',
  };
  await t.test('finds what keeps calls from working, and names it', async (t) => {
    const well = await examineByProcess(t, good);
    t.match(well, { ok: true, code: 0, faults: {}, warnings: ['name look-up'] });
    t.same(well.names, [
      'settings',
      'unsafe settings',
      'keyserver',
      'public key',
      'clock',
      'proxy key',
      'certificates',
      'name look-up',
    ]);
    for (const [env, faults] of [
      [{ PORT: 'x', TOKEN_CACHE_SECONDS: '9' }, { settings: [/^PORT/, /^TOKEN_CACHE_SECONDS/] }],
      [{ PROXY_KEY: makeCallerKey('spx_') }, { 'proxy key': [/does not know this proxy/] }],
      [{ PUBLIC_KEY_PINS: 'other' }, { 'public key': [/a key that is not pinned/] }],
      [
        { PUBLIC_KEY_URL: 'http://127.0.0.1:9/public_key' },
        { keyserver: [/^KeyServer does not answer: .*ECONNREFUSED 127\.0\.0\.1:9/] },
      ],
    ] as const) {
      const found = await examine({ ...good, ...env });
      t.equal(found.isOk, false);
      t.match(found.faults, faults);
      t.equal(Object.keys(found.faults).length, 1, 'a check after a fault is left out');
    }
  });

  await t.test('says by how much the clock is off', async (t) => {
    const publicKey = await (await fetch(`${origin}/public_key`)).text();
    const other = await startUpstream(t);
    const stale = (now: number) =>
      JSON.stringify({ code: 'request_stale', reason: 'timestamp', now, requestId: 'x' });
    other.script((socket, { target }) => {
      const now = Math.floor(Date.now() / 1000) - 120;
      socket.end(target === '/public_key' ? answer(200, publicKey) : answer(400, stale(now)));
    });
    const { faults, code } = await examineByProcess(t, {
      PUBLIC_KEY_URL: `http://127.0.0.1:${other.port}/public_key`,
      TOKEN_REQUEST_URL: `http://127.0.0.1:${other.port}/`,
      PROXY_KEY: proxyKey,
    });
    t.equal(code, 1);
    // KeyServer's clock is read after the question was dated.
    t.match(faults, { clock: [/^SecureProxy's clock is 1(20|1\d) s ahead of KeyServer's/] });
  });
});

t.test('names certificates that have ended', async (t) => {
  const authority = await createAuthority();
  const over = await authority.issue({ notBefore: days(-9), notAfter: days(-1) });
  const files = writeIdentity(join(t.testdir({}), 'tls'), over, over.cert);
  const { faults } = await examine({
    PUBLIC_KEY_URL: 'https://127.0.0.1:9/public_key',
    TOKEN_REQUEST_URL: 'https://127.0.0.1:9/',
    PROXY_KEY: makeCallerKey('spx_'),
    TLS_CERT_FILE: files.cert,
    TLS_KEY_FILE: files.key,
    TLS_CLIENT_CA_FILE: files.ca,
    KEYSERVER_CLIENT_CERT_FILE: files.cert,
    KEYSERVER_CLIENT_KEY_FILE: files.key,
    KEYSERVER_CA_FILE: files.ca,
    UPSTREAM_CA_FILE: files.ca,
  });
  const ended = /^the certificate of (\w+) .* ended on \d{4}-/;
  t.same(faults.certificates?.map((sentence) => ended.exec(sentence)?.[1]).sort(), [
    'KEYSERVER_CA_FILE',
    'KEYSERVER_CLIENT_CERT_FILE',
    'TLS_CERT_FILE',
    'TLS_CLIENT_CA_FILE',
    'UPSTREAM_CA_FILE',
  ]);
});

t.test('warns of a resolver that is silent for five seconds', async (t) => {
  const installation = installationOf({
    PUBLIC_KEY_URL: 'http://127.0.0.1:9/public_key',
    TOKEN_REQUEST_URL: 'http://127.0.0.1:9/',
    PROXY_KEY: makeCallerKey('spx_'),
    KEYSERVER_TIMEOUT_MS: '100',
  });
  const asked = Promise.withResolvers<void>();
  const lookup = () => {
    asked.resolve();
    return new Promise<never>(() => undefined);
  };
  const turnOn = await stillTimers(t);
  let checks: readonly object[] = [];
  void diagnose(() => ({ ...installation, lookup })).then((found) => {
    checks = found;
  });
  await asked.promise;
  await turnOn(4_999);
  t.same(checks, []);
  await turnOn(1);
  t.match(checks.at(-1), {
    status: 'warning',
    findings: ['example.com was not resolved within 5 s'],
  });
});
