import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Test } from 'tap';
import { createAuthority } from '../support/certificates.ts';
import { freePort } from '../support/free-port.ts';
import { callHttps } from '../support/https-call.ts';
import { writeIdentity } from '../support/identity-files.ts';
import { startNginx } from '../support/nginx.ts';
import { makeState, type PairState, seed, tokenType } from '../support/pair-state.ts';
import { showAuthorization, startPlainUpstream } from '../support/plain-upstream.ts';
import { pollUntil } from '../support/poll-until.ts';
import { runMain, type ServiceProcess } from '../support/service-process.ts';

/** Why there is no nginx to test. */
export const skip = spawnSync('nginx', ['-v']).error !== undefined && 'there is no nginx';

/** The documented times, shortened alike: 10 s of draining, 15 s that a replica is out. */
const drainMs = 2_000;
const outSeconds = 3;
const probePauseMs = 150;

/** Each replica of each service, in the order of a rolling restart. */
const allReplicas: readonly Replica[] = [
  { name: 'keyserver', i: 0 },
  { name: 'keyserver', i: 1 },
  { name: 'secureproxy', i: 0 },
  { name: 'secureproxy', i: 1 },
];
/** Calls that must succeed after each restart. */
const enoughCalls = 20;
const callers = 4;
/** Each calls again this long after its last answer. */
const callPauseMs = 20;

interface Replica {
  readonly name: 'keyserver' | 'secureproxy';
  readonly i: 0 | 1;
}
interface Fetched {
  readonly status: number;
  readonly text: string;
}
interface Front {
  /** Settings of a service of this name. */
  settings(name: 'keyserver' | 'secureproxy'): Record<string, string>;
  fetch(port: number, path: string, init?: RequestInit & { body?: string }): Promise<Fetched>;
}

const plain: Front = {
  settings: () => ({}),
  async fetch(port, path, init) {
    const answer = await fetch(`http://127.0.0.1:${port}${path}`, init ?? {});
    return { status: answer.status, text: await answer.text() };
  },
};

/** Two replicas of each service behind nginx, by a file of deploy/. */
async function startReplicas(t: Test, file: string, state: PairState, front: Front, tls?: string) {
  const scheme = tls === undefined ? 'http' : 'https';
  const upstream = await startPlainUpstream(t, showAuthorization);
  const { proxyKey, appKey } = await seed(state, upstream);
  const ports = {
    keyserver: [await freePort(), await freePort()],
    secureproxy: [await freePort(), await freePort()],
    front: [await freePort(), await freePort()],
  } as const;
  const [keyserverFront, proxyFront] = ports.front;
  const host = tls === undefined ? '127.0.0.1' : 'localhost';
  const start = (name: 'keyserver' | 'secureproxy', i: number): ServiceProcess =>
    runMain(t, `${name}/main.ts`, {
      ...front.settings(name),
      PORT: String(ports[name][i]),
      DRAIN_DELAY_MS: String(drainMs),
      ...(name === 'keyserver'
        ? state.settings
        : {
            PUBLIC_KEY_URL: `${scheme}://${host}:${keyserverFront}/public_key`,
            TOKEN_REQUEST_URL: `${scheme}://${host}:${keyserverFront}/`,
            PROXY_KEY: proxyKey,
            TOKEN_CACHE_SECONDS: '0',
            UNSAFE_UNPINNED_KEY: '1',
          }),
    });
  const isReady = async (port: number) => {
    try {
      return (await front.fetch(port, '/readyz')).status === 200;
    } catch {
      return false;
    }
  };
  const whenReady = (name: string, port: number) =>
    pollUntil(`${name} is ready`, () => isReady(port), Boolean, 60_000);
  await startNginx(t, file, join(state.folder, 'nginx'), {
    'keyserver-1:5001': `127.0.0.1:${ports.keyserver[0]}`,
    'keyserver-2:5001': `127.0.0.1:${ports.keyserver[1]}`,
    'secureproxy-1:5004': `127.0.0.1:${ports.secureproxy[0]}`,
    'secureproxy-2:5004': `127.0.0.1:${ports.secureproxy[1]}`,
    'listen 5001': `listen 127.0.0.1:${keyserverFront}`,
    'listen 5004': `listen 127.0.0.1:${proxyFront}`,
    'fail_timeout=15s': `fail_timeout=${outSeconds}s`,
    ...(tls === undefined
      ? {}
      : { '/etc/nginx/tls': tls, 'keyserver.example': 'localhost', 'proxy.example': 'localhost' }),
  });
  const running = new Map<string, ServiceProcess>();
  for (const { name, i } of allReplicas) running.set(`${name}-${i}`, start(name, i));
  await Promise.all(allReplicas.map(({ name, i }) => whenReady(name, ports[name][i] ?? 0)));
  const call = async () => {
    try {
      const body = { ClientId: 'shop-1', TokenType: tokenType, ApiUri: `${upstream}/` };
      const answer = await front.fetch(proxyFront, '/request_api', {
        method: 'POST',
        headers: { 'content-type': 'application/json', authorization: `Bearer ${appKey}` },
        body: JSON.stringify(body),
      });
      return `${answer.status}`;
    } catch (error) {
      return String(Object(error).code ?? error);
    }
  };
  /** Stops a replica and starts it again, until it is ready. */
  const restart = async ({ name, i }: Replica) => {
    const before = running.get(`${name}-${i}`);
    before?.child.kill('SIGTERM');
    t.equal(await before?.ended, 0, `${name} ended cleanly`);
    running.set(`${name}-${i}`, start(name, i));
    await whenReady(name, ports[name][i] ?? 0);
  };
  return { call, restart, probe: () => Promise.all(ports.front.map(isReady)) };
}

/** Calls through nginx, and probes of /readyz, until `stop`; counts what the calls got. */
function load({ call, probe }: Awaited<ReturnType<typeof startReplicas>>) {
  const outcomes: Record<string, number> = {};
  let isOver = false;
  const repeat = async (work: () => Promise<unknown>, pauseMs: number) => {
    while (!isOver) {
      await work();
      await sleep(pauseMs);
    }
  };
  const counted = async () => {
    const outcome = await call();
    outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
  };
  const all = Promise.all([
    repeat(probe, probePauseMs),
    ...Array.from({ length: callers }, () => repeat(counted, callPauseMs)),
  ]);
  return {
    succeeded: () => outcomes[200] ?? 0,
    async stop() {
      isOver = true;
      await all;
      return outcomes;
    },
  };
}

/**
 * Restarts replicas by the rule of docs/deployment.md: ready, then as long as nginx leaves one out, before
 * another of the same service.
 */
async function roll(t: Test, replicas: Awaited<ReturnType<typeof startReplicas>>) {
  const { succeeded, stop } = load(replicas);
  for (const [i, replica] of allReplicas.entries()) {
    await replicas.restart(replica);
    const goal = succeeded() + enoughCalls;
    if (allReplicas[i + 1]?.name === replica.name) await sleep(outSeconds * 1000);
    await pollUntil('calls go on', succeeded, (count) => count >= goal);
  }
  const { 200: count = 0, ...lost } = await stop();
  t.ok(count >= allReplicas.length * enoughCalls, `${count} calls succeeded`);
  t.same(lost, {}, 'none is lost');
}

/** Rolls replicas behind `nginx.conf`, and checks that no call is lost. */
export async function rollPlain(t: Test): Promise<void> {
  const replicas = await startReplicas(t, 'nginx.conf', await makeState(t), plain);
  await roll(t, replicas);
}

/** Likewise behind `nginx-tls.conf`, with TLS and mTLS. */
export async function rollTls(t: Test): Promise<void> {
  const authority = await createAuthority();
  const state = await makeState(t);
  const { folder } = state;
  const tls = join(folder, 'tls');
  const server = await authority.issue({ names: ['localhost'] });
  const nginx = await authority.issue({ names: ['nginx.example'] });
  const proxy = await authority.issue({ names: ['proxy.example'] });
  const files = {
    server: writeIdentity(join(folder, 'server'), server, authority.ca),
    proxy: writeIdentity(join(folder, 'proxy'), proxy, authority.ca),
  };
  mkdirSync(tls);
  writeFileSync(join(tls, 'ca.crt'), authority.ca);
  for (const [name, { cert, key }] of Object.entries({
    localhost: server,
    'nginx.example': nginx,
  })) {
    writeFileSync(join(tls, `${name}.crt`), cert);
    writeFileSync(join(tls, `${name}.key`), key, { mode: 0o600 });
  }
  const front: Front = {
    settings: (name) => ({
      TLS_CERT_FILE: files.server.cert,
      TLS_KEY_FILE: files.server.key,
      TLS_CLIENT_CA_FILE: files.server.ca,
      TLS_CLIENT_NAMES: 'nginx.example',
      ...(name === 'keyserver'
        ? {}
        : {
            KEYSERVER_CA_FILE: files.proxy.ca,
            KEYSERVER_CLIENT_CERT_FILE: files.proxy.cert,
            KEYSERVER_CLIENT_KEY_FILE: files.proxy.key,
          }),
    }),
    fetch: (port, path, init) =>
      callHttps(`https://localhost:${port}${path}`, {
        ca: authority.ca,
        identity: nginx,
        ...(init as object),
      }),
  };
  const replicas = await startReplicas(t, 'nginx-tls.conf', state, front, tls);
  await roll(t, replicas);
}
