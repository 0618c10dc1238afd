import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join, resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import t, { type Test } from 'tap';
import { makeCallerKey } from '../../shared/crypto/caller-key.ts';
import { createAuthority, days } from '../support/certificates.ts';
import { writeIdentity } from '../support/identity-files.ts';
import { runKeyserver } from '../support/pair.ts';
import { makeState, seed } from '../support/pair-state.ts';
import { answer, startUpstream } from '../support/upstream.ts';

const main = resolve(import.meta.dirname, '../../secureproxy/main.ts');

/** Runs the doctor with these settings alone. */
async function examine(t: Test, env: Readonly<Record<string, string>>) {
  const child = spawn(process.execPath, [main, 'doctor', '--json'], {
    cwd: t.testdirName,
    env: { NODE_ENV: 'production', KEYSERVER_TIMEOUT_MS: '500', ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [printed, [code]] = await Promise.all([text(child.stdout), once(child, 'close')]);
  const { ok, checks } = JSON.parse(printed) as {
    ok: boolean;
    checks: { name: string; status: string; findings: string[] }[];
  };
  t.equal(code, ok ? 0 : 1);
  const faults = checks.filter(({ status }) => status === 'fault');
  return {
    ok,
    names: checks.map(({ name }) => name),
    faults: Object.fromEntries(faults.map(({ name, findings }) => [name, findings])),
    warnings: checks.filter(({ status }) => status === 'warning').map(({ name }) => name),
  };
}

t.test('finds what keeps calls from working, and names it', async (t) => {
  const state = await makeState(t);
  const { proxyKey } = await seed(state, 'http://127.0.0.1:9');
  const { port } = await runKeyserver(t, state);
  const good = {
    PUBLIC_KEY_URL: `http://127.0.0.1:${port}/public_key`,
    TOKEN_REQUEST_URL: `http://127.0.0.1:${port}/`,
    PROXY_KEY: proxyKey,
    // Nobody answers there, and no name of the machine's is needed.
    UPSTREAM_DNS_SERVERS: '127.0.0.1:9',
  };
  const well = await examine(t, good);
  t.match(well, { ok: true, faults: {}, warnings: ['name look-up'] });
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
    const found = await examine(t, { ...good, ...env });
    t.match(found.faults, faults);
    t.equal(Object.keys(found.faults).length, 1, 'a check after a fault is left out');
  }
});

t.test('says by how much the clock is off', async (t) => {
  t.testdir({});
  const state = await makeState(t);
  const { proxyKey } = await seed(state, 'http://127.0.0.1:9');
  const { origin } = await runKeyserver(t, state);
  const publicKey = await (await fetch(`${origin}/public_key`)).text();
  const other = await startUpstream(t);
  const stale = (now: number) =>
    JSON.stringify({ code: 'request_stale', reason: 'timestamp', now, requestId: 'x' });
  other.script((socket, { target }) => {
    const now = Math.floor(Date.now() / 1000) - 120;
    socket.end(target === '/public_key' ? answer(200, publicKey) : answer(400, stale(now)));
  });
  const { faults } = await examine(t, {
    PUBLIC_KEY_URL: `http://127.0.0.1:${other.port}/public_key`,
    TOKEN_REQUEST_URL: `http://127.0.0.1:${other.port}/`,
    PROXY_KEY: proxyKey,
  });
  t.match(faults, { clock: [/^SecureProxy's clock is 12[01] s ahead of KeyServer's/] });
});

t.test('names certificates that have ended', async (t) => {
  const authority = await createAuthority();
  const over = await authority.issue({ notBefore: days(-9), notAfter: days(-1) });
  const files = writeIdentity(join(t.testdir({}), 'tls'), over, authority.ca);
  const { faults } = await examine(t, {
    PUBLIC_KEY_URL: 'http://127.0.0.1:9/public_key',
    TOKEN_REQUEST_URL: 'http://127.0.0.1:9/',
    PROXY_KEY: makeCallerKey('spx_'),
    TLS_CERT_FILE: files.cert,
    TLS_KEY_FILE: files.key,
  });
  t.match(faults.certificates, [/^the certificate of TLS_CERT_FILE .* ended on \d{4}-/]);
});
