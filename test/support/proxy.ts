import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type ClientRequest, type IncomingMessage, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Test } from 'tap';
import type { RunningCalls } from '../../secureproxy/call/running-calls.ts';
import type { SecureproxyConfig } from '../../secureproxy/config.ts';
import type { Lookup } from '../../secureproxy/guard/lookup.ts';
import type { KeyserverClient, ReleaseQuery } from '../../secureproxy/keyserver-client/client.ts';
import type { RetryTimer } from '../../secureproxy/keyserver-client/http.ts';
import type { KeyserverLink } from '../../secureproxy/keyserver-client/link.ts';
import { readSecureproxySettings } from '../../secureproxy/read-settings.ts';
import type { ChangeFeed } from '../../secureproxy/releases/change-feed.ts';
import type { KnownChanges } from '../../secureproxy/releases/known-changes.ts';
import type { ReleaseCache } from '../../secureproxy/releases/release-cache.ts';
import { wireSecureproxy } from '../../secureproxy/start.ts';
import type { UpstreamPools } from '../../secureproxy/upstream/pools.ts';
import { type Clock, systemClock } from '../../shared/clock.ts';
import { makeCallerKey } from '../../shared/crypto/caller-key.ts';
import { defaultInjection } from '../../shared/policy/injection/schema.ts';
import type { Policy } from '../../shared/policy/schema.ts';
import type { Release } from '../../shared/protocol/messages.ts';
import { capturedLog, type LogLine } from './log.ts';
import { patience } from './patience.ts';
import { until } from './until.ts';

/** The policy members that loopback upstreams need. */
export const loopback = ['127.0.0.0/8', '::1/128'];

/** How releases are obtained: the seam behind which KeyServer stands. */
export type Obtain = (query: ReleaseQuery) => Promise<Release>;

export interface TestProxyOptions {
  /** KeyServer's origin; absent: `obtain` alone is asked. */
  readonly keyserverUrl?: string;
  readonly proxyKey?: string;
  /** Stands in for KeyServer if its decisions are not what is tested. */
  readonly obtain?: Obtain;
  /** Settings by name, as in the environment. */
  readonly settings?: Readonly<Record<string, string>>;
  readonly clock?: Clock;
  readonly retryTimer?: RetryTimer;
  /** Default: every name is 127.0.0.1. */
  readonly lookup?: Lookup;
  /** Text of `UPSTREAM_CA_FILE`. */
  readonly ca?: string;
}

export interface TestProxy {
  readonly url: string;
  readonly port: number;
  readonly server: Server;
  readonly config: SecureproxyConfig;
  readonly client: KeyserverClient;
  readonly pools: UpstreamPools;
  /** Not started: a test asks when it wants to. */
  readonly feed: ChangeFeed;
  readonly link: KeyserverLink;
  readonly known: KnownChanges;
  readonly releases: ReleaseCache;
  readonly running: RunningCalls;
  log(): LogLine[];
  logText(): string;
  /** The log line of the request that came at this place, from 0; it is written once all is over. */
  requestLine(place?: number): Promise<LogLine>;
  /** `POST /request_api`. */
  call(body: unknown, options?: SendOptions): Promise<ProxyAnswer>;
  send(path: string, options?: SendOptions): Promise<ProxyAnswer>;
  /** Open connections of callers. */
  connections(): Promise<number>;
  close(): Promise<void>;
}

/** The app key that tests without KeyServer call with. */
export const someAppKey = makeCallerKey('spk_');

/** Accepts every key, since `obtain` rejects whom it wants. */
const authorityOf = (obtain: Obtain) => ({
  whoami: async () => ({ app: 'orders', cacheSeconds: 300, seq: 1, ageMs: 0 }),
  obtain: async (query: ReleaseQuery) => ({ release: await obtain(query), source: 'rsa' as const }),
});

function writeCa(test: Test, ca: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'proxy-test-'));
  test.teardown(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'ca.pem');
  writeFileSync(file, ca);
  return file;
}

/** A release as KeyServer would give it. */
export function releaseOf(
  policy: Partial<Policy> & Pick<Policy, 'destinations'>,
  more: Partial<Release> = {},
): Release {
  return {
    app: 'orders',
    fields: { token: 'fixture-token' },
    policy: {
      injection: defaultInjection,
      unsafePlaintext: true,
      unsafeAllowPrivate: loopback,
      ...policy,
    },
    grants: [{ client: '*', type: '*' }],
    cacheSeconds: 60,
    expiresIn: null,
    seq: 1,
    ...more,
  };
}

/** Starts SecureProxy on a free port of 127.0.0.1, with real pools. */
export async function startProxy(test: Test, options: TestProxyOptions): Promise<TestProxy> {
  const { clock = systemClock, obtain, ca, lookup = resolvesTo('127.0.0.1') } = options;
  const keyserverUrl = options.keyserverUrl ?? 'http://127.0.0.1:9';
  const { config } = readSecureproxySettings({
    PORT: '0',
    PUBLIC_KEY_URL: `${keyserverUrl}/public_key`,
    TOKEN_REQUEST_URL: `${keyserverUrl}/`,
    PROXY_KEY: options.proxyKey ?? makeCallerKey('spx_'),
    ...patience,
    ...(ca && { UPSTREAM_CA_FILE: writeCa(test, ca) }),
    ...options.settings,
  });
  const captured = capturedLog('secureproxy');
  const proxy = await wireSecureproxy(config, {
    logger: captured.logger,
    clock,
    lookup,
    retryTimer: options.retryTimer,
    ...(obtain && { authority: authorityOf(obtain) }),
  });
  const { app, client, pools, feed, link, known, releases, running } = proxy;
  await proxy.listen();
  const { port } = app.server.address() as AddressInfo;
  let closed: Promise<void> | undefined;
  const close = () => {
    closed ??= (async () => {
      app.server.closeAllConnections();
      await app.close();
      await proxy.close();
    })();
    return closed;
  };
  test.teardown(close);
  const url = `http://127.0.0.1:${port}`;
  const send: TestProxy['send'] = (path, sent) => sendRequest(url + path, sent);
  return {
    url,
    port,
    server: app.server,
    config,
    client,
    pools,
    feed,
    link,
    known,
    releases,
    running,
    log: captured.lines,
    logText: captured.text,
    requestLine: async (place = 0) => {
      const lines = () => captured.lines().filter(({ msg }) => msg === 'request');
      await until(() => lines().length > place);
      return lines()[place] ?? {};
    },
    call: (body, sent = {}) =>
      send('/request_api', {
        method: 'POST',
        ...sent,
        headers: ['content-type', 'application/json', ...(sent.headers ?? [])],
        body: typeof body === 'string' ? body : JSON.stringify(body),
      }),
    send,
    connections: promisify(app.server.getConnections.bind(app.server)),
    close,
  };
}

/** A resolver that gives every name these addresses. */
export function resolvesTo(...addresses: readonly string[]): Lookup {
  return async () => addresses;
}

export interface SendOptions {
  readonly method?: string;
  /** Names and values in turn, sent as they are. */
  readonly headers?: readonly string[];
  readonly body?: string | Buffer;
}

/** An answer, read to its end or to where it broke off. */
export interface ProxyAnswer {
  readonly status: number;
  readonly rawHeaders: readonly (readonly [name: string, value: string])[];
  /** All values of a header, whatever its case. */
  all(name: string): string[];
  readonly body: Buffer;
  readonly text: string;
  /** False if the answer broke off. */
  readonly whole: boolean;
  /** The body of problem+json; empty for anything else. */
  readonly problem: Readonly<Record<string, unknown>>;
}

/** Sends on a connection of its own. */
export async function sendRequest(url: string, options: SendOptions = {}): Promise<ProxyAnswer> {
  return readAnswer(await begin(url, options).answered);
}

/** Begins a request, for tests that read slowly or hang up. */
export function begin(
  url: string,
  { method = 'GET', headers = [], body }: SendOptions = {},
): { request: ClientRequest; answered: Promise<IncomingMessage> } {
  const length = body === undefined ? [] : ['content-length', String(Buffer.byteLength(body))];
  const host = headers.includes('host') ? [] : ['host', new URL(url).host];
  const sent = request(url, {
    method,
    headers: [...host, 'connection', 'close', ...length, ...headers],
    agent: false,
  });
  sent.on('error', () => undefined);
  const answered = once(sent, 'response').then(([message]) => message as IncomingMessage);
  answered.catch(() => undefined);
  sent.end(body);
  return { request: sent, answered };
}

export async function readAnswer(message: IncomingMessage): Promise<ProxyAnswer> {
  const chunks: Buffer[] = [];
  let whole = true;
  try {
    for await (const chunk of message) chunks.push(chunk as Buffer);
  } catch {
    whole = false;
  }
  const body = Buffer.concat(chunks);
  const { rawHeaders: raw } = message;
  const rawHeaders = raw.flatMap((name, i) => (i % 2 ? [] : [[name, raw[i + 1] ?? ''] as const]));
  const all = (name: string) =>
    rawHeaders.filter(([n]) => n.toLowerCase() === name.toLowerCase()).map(([, value]) => value);
  const text = body.toString();
  const isProblem = all('content-type')[0]?.startsWith('application/problem+json') ?? false;
  return {
    status: message.statusCode ?? 0,
    rawHeaders,
    all,
    body,
    text,
    whole: whole && message.complete,
    problem: isProblem ? JSON.parse(text) : {},
  };
}
