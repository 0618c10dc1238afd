import { randomBytes, randomUUID } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createApp, createProxy } from '../../keyserver/operations/callers.ts';
import type { OperationContext } from '../../keyserver/operations/context.ts';
import { addGrant } from '../../keyserver/operations/grants.ts';
import { putToken } from '../../keyserver/operations/tokens.ts';
import { putType } from '../../keyserver/operations/types.ts';
import { startService } from '../../local/processes.ts';
import { openState, storagePlaces } from '../../local/state.ts';
import type { Policy } from '../../shared/policy/schema.ts';
import type { Environment } from '../../shared/settings/config.ts';
import { createAuthority } from '../../test/support/certificates.ts';
import { freePort } from '../../test/support/free-port.ts';
import { startNameServer } from '../../test/support/name-server.ts';
import { pollUntil } from '../../test/support/poll-until.ts';
import { ServiceOutput } from '../../test/support/service-output.ts';
import { startUpstream } from '../../test/support/upstream.ts';
import type { Scene } from './attack.ts';

/** Longer than the defaults: a busy machine must not time out. */
const patience = { KEYSERVER_TIMEOUT_MS: '12000', UPSTREAM_CONNECT_TIMEOUT_MS: '12000' };

/** The one address of this machine that the types allow. */
const upstreamAddress = '127.0.0.2';
/** Address of the upstreams that present a wrong certificate. */
export const impostorAddress = '127.0.0.4';
const strayAddresses = ['127.0.0.1', '127.0.0.3', '::1'];
const host = 'market.example';

/** Collects closings, which run at the end in reverse order. */
export interface Closing {
  teardown(close: () => unknown): void;
}

/** Starts a pair with a hostile marketplace, a name server that lies, and traps at forbidden addresses. */
export async function startOwnScene(closing: Closing, folder: string): Promise<Scene> {
  const authority = await createAuthority();
  const names = [host, `*.${host}`, `*.shops.${host}`, 'localhost', ...strayAddresses];
  const identity = await authority.issue({ names });
  const upstream = await startUpstream(closing, { identity, host: upstreamAddress });
  const { port } = upstream;
  // With a valid certificate, so that only the address guard keeps tokens away.
  const traps = await Promise.all(
    strayAddresses.map((address) => startUpstream(closing, { identity, host: address, port })),
  );
  const nameServer = await startNameServer(closing);
  nameServer.answer(host, [upstreamAddress]);
  const origin = `https://${host}:${port}`;
  const admin = await openState(folder);
  closing.teardown(() => admin.store.close());
  const ports = { keyserver: await freePort(), secureproxy: await freePort() };
  const seeded = await seed(admin, { ...policies(port), self: toSelf(Object.values(ports)) });
  const output = new ServiceOutput();
  const start = async (name: keyof typeof ports, environment: Environment) => {
    const servicePort = ports[name];
    const service = await startService({
      title: name,
      main: `${name}/main.ts`,
      port: servicePort,
      output,
      // In production a service does not read `.env`.
      environment: {
        NODE_ENV: 'production',
        HOST: '127.0.0.1',
        PORT: String(servicePort),
        LOG_LEVEL: 'trace',
        ...environment,
      },
    });
    closing.teardown(() => service.stop());
    const { pid = 0, halt } = service;
    return { origin: `http://127.0.0.1:${servicePort}`, pid, halt };
  };
  const { origin: keyserver, halt: haltKeyserver } = await start('keyserver', {
    ...storagePlaces(folder),
    GENERATE_KEYS: '1',
  });
  const caFile = join(folder, 'ca.pem');
  writeFileSync(caFile, authority.ca);
  const { origin: proxy, pid: proxyPid } = await start('secureproxy', {
    PROXY_KEY: seeded.proxyKey,
    PUBLIC_KEY_URL: `${keyserver}/public_key`,
    TOKEN_REQUEST_URL: `${keyserver}/`,
    ...patience,
    UPSTREAM_CA_FILE: caFile,
    UPSTREAM_DNS_SERVERS: nameServer.address,
  });
  return {
    proxy,
    upstream,
    origin,
    appKey: seeded.appKey,
    clientId: 'shop-1',
    tokenType: 'market',
    token: seeded.token,
    strays: () => traps.reduce((sum, { requests }) => sum + requests.length, 0),
    own: {
      ...seeded,
      keyserver,
      folder,
      admin,
      proxyPid,
      haltKeyserver,
      names: nameServer,
      issue: authority.issue,
      port,
      printed: () => printedUntilNow(output, [keyserver, proxy]),
    },
  };
}

/** Output is late but in order: it is complete once it has the log entries of requests made now. */
async function printedUntilNow(output: ServiceOutput, origins: readonly string[]): Promise<string> {
  const id = randomUUID();
  for (const origin of origins) {
    const answer = await fetch(`${origin}/none`, { headers: { 'x-request-id': id } });
    await answer.body?.cancel();
  }
  await pollUntil(
    'the lines of the last requests',
    () => output.linesWith({ request_id: id }).length,
    (count) => count === origins.length,
  );
  return output.text;
}

/** Policies by type; {@link Scene.tokenType} is `market`. */
function policies(port: number): Readonly<Record<string, Policy>> {
  const base: Policy = {
    destinations: [`https://${host}:${port}`],
    unsafeAllowPrivate: [`${upstreamAddress}/32`],
    injection: { scheme: 'headers', headers: { Authorization: 'Bearer {token}' } },
  };
  return {
    market: base,
    paths: { ...base, destinations: [`https://${host}:${port}/allowed`] },
    wild: { ...base, destinations: [`https://*.${host}:${port}`] },
    // Allows no private address.
    public: { ...base, destinations: [`https://*.${host}:${port}`], unsafeAllowPrivate: [] },
    tls: {
      ...base,
      destinations: [`https://*.${host}:${port}`],
      unsafeAllowPrivate: [`${impostorAddress}/32`],
    },
    query: { ...base, injection: { scheme: 'query', query: { api_key: '{token}' } } },
    basic: { ...base, injection: { scheme: 'basic', username: 'seller', password: '{token}' } },
    minting: { ...base, redactMembers: ['access_token', 'refresh_token'] },
    slow: { ...base, limits: ['1/h /v1/supply/*'] },
    paced: { ...base, limits: ['100/s'] },
    shared: { ...base, limits: ['1000/s per type', '1/2s'] },
    probed: { ...base, probe: { method: 'GET', url: `https://${host}:${port}/me` } },
    links: {
      ...base,
      destinations: [`https://${host}:${port}/allowed`],
      plainDestinations: [`https://${host}:${port}`],
    },
    nowhere: { ...base, destinations: [] },
    tokens: {
      ...base,
      tokenEndpoints: [`https://${host}:${port}/auth/o2/token`, 'https://login.example/token'],
    },
    spoken: { ...base, errorBody: { code: '{code}', message: '{detail}', id: '{requestId}' } },
    keyed: { ...base, keyMembers: ['api_key', 'auth.token'] },
    routed: { ...base, routedBy: { query: ['rest_route', '_method'], form: ['_method'] } },
  };
}

/** Destinations at the pair itself, which an operator would have to be talked into. */
function toSelf(ports: readonly number[]): Policy {
  return {
    destinations: ports.map((port) => `http://127.0.0.1:${port}`),
    unsafePlaintext: true,
    unsafeAllowPrivate: ['127.0.0.0/8'],
    injection: { scheme: 'headers', headers: { Authorization: 'Bearer {token}' } },
  };
}

async function seed(admin: OperationContext, types: Readonly<Record<string, Policy>>) {
  const made = () => `made-up-token-${randomBytes(18).toString('base64url')}`;
  const [token, otherToken] = [made(), made()];
  const proxyKey = await createProxy(admin, 'attacked');
  const appKey = await createApp(admin, 'orders');
  const otherKey = await createApp(admin, 'other');
  const strangerKey = await createApp(admin, 'stranger');
  for (const [type, policy] of Object.entries(types)) {
    await putType(admin, type, policy);
    await putToken(admin, { clientId: 'shop-1', tokenType: type, fields: { token } });
    await putToken(admin, { clientId: 'shop-2', tokenType: type, fields: { token: otherToken } });
    await addGrant(admin, 'orders', { client: 'shop-1', type });
    await addGrant(admin, 'other', { client: 'shop-2', type });
  }
  const ruledKey = await createApp(admin, 'ruled');
  const ruled = {
    client: 'shop-1',
    type: 'routed',
    methods: ['GET', 'POST'],
    paths: ['/allowed*'],
  };
  await addGrant(admin, 'ruled', ruled);
  return { token, otherToken, proxyKey, appKey, otherKey, strangerKey, ruledKey };
}
