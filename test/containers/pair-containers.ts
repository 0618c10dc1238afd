import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import type { Test } from 'tap';
import {
  GenericContainer,
  type StartedNetwork,
  type StartedTestContainer,
  Wait,
} from 'testcontainers';
import { buildImage } from './command.ts';
import { databaseImage, nodeImage } from './engine.ts';
import { ServiceContainer, type secretFolder, startFor } from './service-container.ts';
import { upstreamProgram } from './upstream-program.ts';

export const images = { keyserver: 'test/keyserver', proxy: 'test/secureproxy' } as const;

type Secrets = ReturnType<typeof secretFolder>;

/** A made-up secret. */
export const made = (what: string) => `made-up-${what}-${randomBytes(12).toString('hex')}`;

/** Builds {@link images}; the engine caches them. */
export async function buildImages(): Promise<void> {
  await buildImage('Dockerfile.keyserver', images.keyserver, nodeImage);
  await buildImage('Dockerfile.proxy', images.proxy, nodeImage);
}

/** KeyServer on the database of {@link startDatabase}, with its keys in `volume`. */
export function keyserverContainer(options: {
  readonly network: StartedNetwork;
  readonly database: Readonly<Record<string, string>>;
  readonly secrets: Secrets;
  readonly volume: string;
  readonly settings?: Readonly<Record<string, string>>;
}): ServiceContainer {
  const { network, database, secrets, volume, settings } = options;
  const container = new ServiceContainer(images.keyserver);
  container
    .withNetwork(network)
    .withEnvironment({
      ...database,
      KEYRING_DIR: '/keys/keyring',
      RSA_KEY_DIR: '/keys/rsa',
      GENERATE_KEYS: '1',
      DB_PASSWORD_FILE: '/run/secrets/db-password',
      ...settings,
    })
    .withBindMounts([
      { source: volume, target: '/keys' },
      { source: join(secrets.path, 'password'), target: '/run/secrets/db-password', mode: 'ro' },
    ])
    .withWaitStrategy(Wait.forHealthCheck());
  return container;
}

/** SecureProxy with the key of `keyFile`, for the KeyServer at the origin `keyserver`. */
export function proxyContainer(options: {
  readonly network: StartedNetwork;
  readonly keyserver: string;
  readonly keyId: string;
  readonly keyFile: string;
  readonly settings?: Readonly<Record<string, string>>;
}): ServiceContainer {
  const { network, keyserver, keyId, keyFile, settings } = options;
  const container = new ServiceContainer(images.proxy);
  container
    .withNetwork(network)
    .withEnvironment({
      PUBLIC_KEY_URL: `${keyserver}/public_key`,
      TOKEN_REQUEST_URL: `${keyserver}/`,
      PUBLIC_KEY_PINS: keyId,
      PROXY_KEY_FILE: '/run/secrets/proxy-key',
      ...settings,
    })
    .withBindMounts([{ source: keyFile, target: '/run/secrets/proxy-key', mode: 'ro' }])
    .withWaitStrategy(Wait.forHealthCheck());
  return container;
}

/** A marketplace at `http://marketplace:8080`. */
export function upstreamContainer(network: StartedNetwork): GenericContainer {
  return new GenericContainer(nodeImage)
    .withNetwork(network)
    .withNetworkAliases('marketplace')
    .withCommand(['node', '--eval', upstreamProgram]);
}

/** Starts the database; resolves to KeyServer's settings for it. */
export async function startDatabase(
  t: Test,
  network: StartedNetwork,
  secrets: ReturnType<typeof secretFolder>,
  password: string,
): Promise<Record<string, string>> {
  const login = 'mysql --host=127.0.0.1 --user=keyserver --execute="DO 0"';
  await startFor(
    t,
    new GenericContainer(databaseImage)
      .withNetwork(network)
      .withNetworkAliases('database')
      .withEnvironment({
        MYSQL_DATABASE: 'keyserver',
        MYSQL_USER: 'keyserver',
        MYSQL_PASSWORD_FILE: '/run/secrets/password',
        MYSQL_ROOT_PASSWORD_FILE: '/run/secrets/root-password',
      })
      .withBindMounts([
        {
          source: secrets.write('password', password),
          target: '/run/secrets/password',
          mode: 'ro',
        },
        {
          source: secrets.write('root-password', made('root')),
          target: '/run/secrets/root-password',
          mode: 'ro',
        },
      ])
      .withHealthCheck({
        test: ['CMD-SHELL', `MYSQL_PWD="$(cat /run/secrets/password)" ${login}`],
        interval: 500,
        timeout: 5000,
        retries: 240,
      })
      .withWaitStrategy(Wait.forHealthCheck())
      .withStartupTimeout(120_000),
  );
  return {
    DB_HOST: 'database',
    DB_USER: 'keyserver',
    DB_NAME: 'keyserver',
    // MySQL 8.4's default authentication needs this without TLS.
    DB_ALLOW_PUBLIC_KEY_RETRIEVAL: '1',
  };
}

/** One call for `shop-1` with the token type `echo`, to {@link upstreamContainer}. */
export async function requestApi(
  proxyOrigin: string,
  appKey: string,
): Promise<{ status: number; body: unknown }> {
  const response = await fetch(`${proxyOrigin}/request_api`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${appKey}` },
    body: JSON.stringify({
      ClientId: 'shop-1',
      TokenType: 'echo',
      ApiUri: 'http://marketplace:8080/v1/orders?limit=2',
    }),
  });
  return { status: response.status, body: await response.json() };
}

export function origin(service: StartedTestContainer, port: number): string {
  return `http://${service.getHost()}:${service.getMappedPort(port)}`;
}
