import type { Test } from 'tap';
import type { Environment } from '../../shared/settings/config.ts';
import { makeState, type PairState, type Seeded, seed, tokenType } from './pair-state.ts';
import { patience } from './patience.ts';
import { runProcess, type ServiceRun } from './service-run.ts';

export interface PairOptions {
  /** Origin that the tokens go to. */
  readonly upstream: string;
  /** Names of the clients that get a token; default `shop-1`. */
  readonly clients?: readonly string[];
  /** The database as settings of KeyServer; default: an SQLite file of the test. */
  readonly storage?: Environment;
  /** Further settings of KeyServer. */
  readonly keyserver?: Environment;
  /** Further settings of SecureProxy. */
  readonly secureproxy?: Environment;
  /** Resolves to the port where SecureProxy finds KeyServer, given KeyServer's own; default: that one. */
  readonly between?: (keyserverPort: number) => Promise<number>;
  /** Stores more before the services start. */
  readonly prepare?: (state: PairState) => Promise<unknown>;
}

/** Members of `/request_api` that a test sets; the others are those of the first client. */
export type CallMembers = Readonly<Record<string, unknown>>;

/** Both services as processes, with all that they print. They stop after the test. */
export interface TestPair extends PairState, Seeded {
  readonly keyserver: ServiceRun;
  readonly secureproxy: ServiceRun;
  /** `POST /request_api` with the app's key. */
  call(members?: CallMembers, headers?: Readonly<Record<string, string>>): Promise<Response>;
  /** Restarts KeyServer where it was, with changed settings. */
  restartKeyserver(options?: { readonly env?: Environment }): Promise<void>;
}

/** Stores what the options say, starts KeyServer, then SecureProxy, and resolves once both are ready. */
export async function startPair(t: Test, options: PairOptions): Promise<TestPair> {
  const { upstream, clients, between = async (port: number) => port } = options;
  const state = await makeState(t, options.storage);
  const seeded = await seed(state, upstream, clients);
  await options.prepare?.(state);
  const keyserver = await runKeyserver(t, state, options.keyserver);
  const secureproxy = await runSecureproxy(
    t,
    await between(keyserver.port),
    seeded.proxyKey,
    options.secureproxy,
  );
  return {
    ...state,
    ...seeded,
    keyserver,
    secureproxy,
    call: (members = {}, headers = { authorization: `Bearer ${seeded.appKey}` }) =>
      callApi(secureproxy.origin, { ...defaultCall(upstream, clients), ...members }, headers),
    restartKeyserver: ({ env } = {}) => keyserver.restart(env),
  };
}

/** Starts a KeyServer on this state. */
export function runKeyserver(
  t: Test,
  { settings }: PairState,
  further: Environment = {},
): Promise<ServiceRun> {
  return runProcess(t, 'keyserver', { ...settings, ...further });
}

/** Starts a SecureProxy that finds KeyServer on this port. */
export function runSecureproxy(
  t: Test,
  keyserverPort: number,
  proxyKey: string,
  further: Environment = {},
  port?: number,
): Promise<ServiceRun> {
  const settings = {
    PUBLIC_KEY_URL: `http://127.0.0.1:${keyserverPort}/public_key`,
    TOKEN_REQUEST_URL: `http://127.0.0.1:${keyserverPort}/`,
    PROXY_KEY: proxyKey,
    ...patience,
    ...further,
  };
  return runProcess(t, 'secureproxy', settings, port);
}

function defaultCall(upstream: string, clients: readonly string[] = ['shop-1']) {
  return { ClientId: clients[0], TokenType: tokenType, ApiUri: `${upstream}/v1/orders` };
}

/** `POST` of a call to a proxy's `/request_api`, or to another path. */
export function callApi(
  proxyOrigin: string,
  members: CallMembers,
  headers: Readonly<Record<string, string>>,
  path = '/request_api',
): Promise<Response> {
  return fetch(proxyOrigin + path, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(members),
    redirect: 'manual',
  });
}

/** The `code` of a problem that a service answered. */
export async function problemCode(answer: Response): Promise<unknown> {
  return Object(await answer.json()).code;
}

/** Status and code of a call, once it is over. */
export async function outcome(call: Promise<Response>): Promise<readonly [number, unknown]> {
  const answer = await call;
  if (answer.status === 200) {
    await answer.arrayBuffer();
    return [200, undefined];
  }
  return [answer.status, await problemCode(answer)];
}
