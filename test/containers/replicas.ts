import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Test } from 'tap';
import { GenericContainer, Network, type StartedTestContainer, Wait } from 'testcontainers';
import { pollUntil } from '../support/poll-until.ts';
import { docker, root } from './command.ts';
import { nginxImage } from './engine.ts';
import {
  buildImages,
  keyserverContainer,
  made,
  origin,
  proxyContainer,
  requestApi,
  startDatabase,
  upstreamContainer,
} from './pair-containers.ts';
import { newVolume, secretFolder, startFor, subnetOf, terminate } from './service-container.ts';

const callsLimitMs = 120_000;
const callers = 8;
const probePauseMs = 100;
/** Time for thirty probes: at least one reaches the replica that is stopping. */
const drain = { DRAIN_DELAY_MS: '3000' };

/** Two of each service behind nginx, by deploy/nginx.conf: one of each stops under load. */
export async function tryReplicas(t: Test): Promise<void> {
  await buildImages();
  const network = await new Network().start();
  t.teardown(() => network.stop());
  const secrets = secretFolder(t);
  const database = await startDatabase(t, network, secrets, made('database-password'));
  await startFor(t, upstreamContainer(network));

  const volume = await newVolume(t);
  const startKeyserver = (name: string) =>
    startFor(
      t,
      keyserverContainer({ network, database, secrets, volume, settings: drain })
        .withNetworkAliases(name)
        .withExposedPorts(5001),
    );
  // The first one generates the keys of both.
  const keyserver = await startKeyserver('keyserver-1');
  await startKeyserver('keyserver-2');
  const admin = (args: string[], stdin?: string) =>
    docker(['exec', '--interactive', keyserver.getId(), 'keyserver-admin', ...args], stdin);
  const { keyId } = (await (await fetch(`${origin(keyserver, 5001)}/public_key`)).json()) as {
    keyId: string;
  };

  const startProxy = async (name: string) =>
    startFor(
      t,
      proxyContainer({
        network,
        keyserver: 'http://nginx:5001',
        keyId,
        keyFile: secrets.write(name, (await admin(['proxy', 'create', name])).trim()),
        settings: { ...drain, TOKEN_CACHE_SECONDS: '0' },
      }).withNetworkAliases(name),
    );
  const proxy = await startProxy('secureproxy-1');
  await startProxy('secureproxy-2');
  // Last, since nginx resolves all names when it starts.
  const nginx = await startFor(
    t,
    new GenericContainer(nginxImage)
      .withNetwork(network)
      .withNetworkAliases('nginx')
      .withBindMounts([
        {
          source: join(root, 'deploy/nginx.conf'),
          target: '/etc/nginx/conf.d/default.conf',
          mode: 'ro',
        },
      ])
      .withExposedPorts(5001, 5004)
      .withWaitStrategy(Wait.forListeningPorts()),
  );

  const subnet = await subnetOf(network.getId());
  const types = ['type', 'put', 'echo', '--destination', 'http://marketplace:8080'];
  await admin([...types, '--unsafe-plaintext', '--unsafe-allow-private', subnet]);
  await admin(['token', 'put', '--client', 'shop-1', '--type', 'echo'], made('token'));
  const appKey = (await admin(['app', 'create', 'orders'])).trim();
  await admin(['grant', 'add', 'orders', '--client', 'shop-1', '--type', 'echo']);
  const front = origin(nginx, 5004);
  await pollUntil(
    'both KeyServers know the grant',
    // nginx balances these over both in turn.
    () => Promise.all(Array.from({ length: callers }, () => requestApi(front, appKey))),
    (answers) => answers.every(({ status }) => status === 200),
  );

  const load = startLoad(nginx, appKey);
  for (const [name, service] of Object.entries({ SecureProxy: proxy, KeyServer: keyserver })) {
    await t.test(`${name} stops`, async (t) => {
      await load.callsMore(200);
      t.equal(await terminate(service), 0, 'by itself, with all calls finished');
      await load.callsMore(200);
      t.same(load.failures(), []);
    });
  }
  await load.stop();
  t.same(load.failures(), []);
  t.comment(`${load.calls()} calls`);
}

/** Calls through nginx without a pause, and probes of `/readyz`. */
function startLoad(nginx: StartedTestContainer, appKey: string) {
  const failures: string[] = [];
  let calls = 0;
  let isOver = false;
  const call = async () => {
    while (!isOver) {
      try {
        const { status, body } = await requestApi(origin(nginx, 5004), appKey);
        if (status !== 200) failures.push(`${status} ${JSON.stringify(body)}`);
      } catch (error) {
        failures.push(String(error));
      }
      calls += 1;
    }
  };
  const watch = async (port: number) => {
    while (!isOver) {
      await (await fetch(`${origin(nginx, port)}/readyz`)).arrayBuffer();
      await sleep(probePauseMs);
    }
  };
  const running = [...Array.from({ length: callers }, call), watch(5001), watch(5004)];
  return {
    calls: () => calls,
    failures: () => failures,
    callsMore: async (count: number) => {
      const goal = calls + count;
      await pollUntil(
        `${count} calls`,
        () => calls,
        (now) => now >= goal,
        callsLimitMs,
      );
    },
    stop: async () => {
      isOver = true;
      await Promise.all(running);
    },
  };
}
