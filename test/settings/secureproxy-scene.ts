import t, { type Test } from 'tap';
import { secureproxyProgram } from '../../secureproxy/start.ts';
import type { Policy } from '../../shared/policy/schema.ts';
import type { Environment } from '../../shared/settings/config.ts';
import { startKeyserver, type TestKeyserver } from '../support/keyserver.ts';
import { patience } from '../support/patience.ts';
import { loopback, type ProxyAnswer, sendRequest } from '../support/proxy.ts';
import { startUpstream, type Upstream } from '../support/upstream.ts';
import { type StartedService, startService } from './service.ts';

/** The KeyServer of all rows, with a proxy and an app. */
export const keyserver: TestKeyserver = await startKeyserver(t);
export const proxyKey = await keyserver.putProxy('edge');
export const appKey = await keyserver.putApp('orders');

let types = 0;

/** Stores a token of `shop-1` under a new type; resolves to its name. */
export async function putType(policy: Partial<Policy>): Promise<string> {
  types += 1;
  const type = `type-${types}`;
  await keyserver.putType(type, { unsafeAllowPrivate: loopback, unsafePlaintext: true, ...policy });
  await keyserver.putToken('shop-1', type, 'fixture-token');
  return type;
}

/** Settings of a SecureProxy that asks the KeyServer at `origin`, once even if the machine is slow. */
export function settingsAt(origin = keyserver.url): Readonly<Record<string, string>> {
  return {
    PUBLIC_KEY_URL: `${origin}/public_key`,
    TOKEN_REQUEST_URL: `${origin}/`,
    PROXY_KEY: proxyKey,
    ...patience,
  };
}

export const startProxy = (t: Test, further: Environment = {}): Promise<StartedService> =>
  startService(t, secureproxyProgram, { ...settingsAt(), ...further });

export interface CallOptions {
  readonly key?: string | null;
  readonly client?: string;
  readonly host?: string;
  readonly body?: string;
}

/** A SecureProxy before an upstream. */
export interface ProxyScene extends StartedService {
  readonly upstream: Upstream;
  readonly type: string;
  call(options?: CallOptions): Promise<ProxyAnswer>;
}

export async function startScene(
  t: Test,
  further: Environment = {},
  { upstream, destination }: { upstream?: Upstream; destination?: string } = {},
): Promise<ProxyScene> {
  const far = upstream ?? (await startUpstream(t));
  const target = destination ?? `http://127.0.0.1:${far.port}`;
  const type = await putType({ destinations: [target] });
  const proxy = await startProxy(t, further);
  return {
    ...proxy,
    upstream: far,
    type,
    call: (options) => call(proxy.url, type, target, options),
  };
}

export function call(
  proxyUrl: string,
  type: string,
  target: string,
  { key = appKey, client = 'shop-1', host, body }: CallOptions = {},
): Promise<ProxyAnswer> {
  const members = { ClientId: client, TokenType: type, ApiUri: `${target}/v1` };
  return sendRequest(`${proxyUrl}/request_api`, {
    method: 'POST',
    headers: [
      ...['content-type', 'application/json'],
      ...(key === null ? [] : ['authorization', `Bearer ${key}`]),
      ...(host === undefined ? [] : ['host', host]),
    ],
    body: body ?? JSON.stringify(members),
  });
}

/** How often KeyServer answered so for this type, or for `/whoami`. */
export function asked(type: string): number {
  return keyserver.log().filter((line) => line['url.template'] === '/' && line.token_type === type)
    .length;
}
