import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { defaultOf } from '../../docs/settings-page.ts';
import { keyserverSettings } from '../../keyserver/config.ts';
import { secureproxySettings } from '../../secureproxy/config.ts';
import { shutdownLimitMs } from '../../shared/process/shutdown.ts';
import { isSecret } from '../../shared/settings/setting-names.ts';
import { root } from './command.ts';

const read = (path: string) => readFileSync(join(root, path), 'utf8');
const compose = read('compose.yaml');

const services = [
  { service: 'keyserver', dockerfile: 'Dockerfile.keyserver', schema: keyserverSettings },
  { service: 'secureproxy', dockerfile: 'Dockerfile.proxy', schema: secureproxySettings },
] as const;

/** The names below `heading` in compose.yaml, indented deeper than it. */
function namesBelow(heading: RegExp): string[] {
  const lines = compose.split('\n');
  const start = lines.findIndex((line) => heading.test(line));
  const depth = (line: string) => line.search(/\S/);
  const rest = lines.slice(start + 1);
  const end = rest.findIndex((line) => depth(line) <= depth(lines[start] ?? ''));
  return rest.slice(0, end).flatMap((line) => /^\s+([A-Z_]+):/.exec(line)?.[1] ?? []);
}

function knownNames(schema: (typeof services)[number]['schema']): string[] {
  return Object.entries(schema.properties).flatMap(([name, property]) =>
    isSecret(property) ? [name, `${name}_FILE`] : [name],
  );
}

t.test('compose.yaml gives each service settings that it knows', async (t) => {
  const known = knownNames(keyserverSettings);
  const shared = namesBelow(/^x-keyserver-settings:/);
  t.ok(shared.includes('DB_HOST'));
  for (const name of shared) t.ok(known.includes(name), name);
  for (const { service, schema } of services) {
    const names = namesBelow(new RegExp(`^  ${service}:`)).filter((name) => name !== 'NODE_IMAGE');
    t.ok(names.length > 0, `${service} has settings`);
    for (const name of names) t.ok(knownNames(schema).includes(name), `${service}: ${name}`);
  }
});

t.test(
  'the images have the ports of the settings, a fixed user and a program as first process',
  async (t) => {
    const { version } = JSON.parse(read('package.json')) as { version: string };
    for (const { service, dockerfile, schema } of services) {
      const text = read(dockerfile);
      const port = defaultOf(schema.properties.PORT)?.replaceAll('`', '');
      t.match(text, `EXPOSE ${port}\n`);
      t.match(text, new RegExp(`PORT=${port}\\s`));
      t.match(text, 'USER 10001:10001\n');
      t.match(text, `CMD ["node", "${service}/main.ts"]\n`);
      t.match(text, `image.version="${version}"`);
    }
  },
);

t.test('the Dockerfiles name files that exist', async (t) => {
  for (const dockerfile of [
    ...services.map((service) => service.dockerfile),
    'deploy/Dockerfile.marketplace',
  ]) {
    const copied = [...read(dockerfile).matchAll(/^COPY (?!--from)(.+) \S+$/gm)].flatMap(
      ([, sources = '']) => sources.split(' '),
    );
    const named = [...read(dockerfile).matchAll(/[\w./-]+\.ts\b/g)].map(([path]) =>
      path.replace(/^\/app\//, ''),
    );
    t.ok(copied.length > 3 && named.length > 0, dockerfile);
    for (const path of [...copied, ...named]) {
      t.ok(existsSync(join(root, path)), `${dockerfile}: ${path}`);
    }
  }
});

t.test('the time to stop a container is longer than its calls may take', async (t) => {
  const stopTimes = [
    ...compose.matchAll(/^ {2}stop_grace_period: (\d+)s$/gm),
    ...read('docs/deployment.md').matchAll(/docker create .* --stop-timeout (\d+) /g),
  ];
  t.equal(stopTimes.length, 3, 'of compose.yaml, and of both services on the page');
  for (const { schema } of services) {
    const { SHUTDOWN_TIMEOUT_MS, DRAIN_DELAY_MS } = schema.properties;
    const [timeout = 0, delay = 0] = [SHUTDOWN_TIMEOUT_MS, DRAIN_DELAY_MS].map((setting) =>
      Number(defaultOf(setting)?.replaceAll('`', '')),
    );
    const limitMs = shutdownLimitMs({ SHUTDOWN_TIMEOUT_MS: timeout, DRAIN_DELAY_MS: delay });
    for (const [, seconds = ''] of stopTimes) {
      t.ok(Number(seconds) * 1000 > limitMs, `${seconds} s`);
    }
  }
});

t.test('the pages of operators name settings that exist', async (t) => {
  const deployment = read('docs/deployment.md');
  const pages = deployment + read('docs/operations.md');
  const known = services.flatMap(({ schema }) => knownNames(schema));
  const ofCompose = [...compose.matchAll(/\$\{([A-Z_]+):-/g)].map(([, name = '']) => name);
  const ofTests = [
    'DOCKER_HOST',
    'TEST_DATABASE_IMAGE',
    'TEST_NGINX_IMAGE',
    'TEST_NODE_IMAGE',
    'TEST_SKIPS',
  ];
  const ofNode = ['NODE_EXTRA_CA_CERTS'];
  const names = [...pages.matchAll(/`([A-Z]+(?:_[A-Z]+)+)(?:=[^`]*)?`/g)];
  t.ok(names.length > 5);
  for (const [, name = ''] of names) {
    t.ok([...known, ...ofCompose, ...ofTests, ...ofNode].includes(name), name);
  }
  for (const name of ofCompose) t.match(deployment, name);
});
