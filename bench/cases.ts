import { tokenType } from '../test/support/pair-state.ts';
import { type Arrangement, type Part, unsearchedType } from './arrangement.ts';
import { createExchanges } from './exchanges.ts';
import type { LoadOrder } from './load-run.ts';

export const caseNames = [
  'peer',
  'warm',
  'warm-1',
  'warm-64',
  'warm-256',
  'warm-unsearched',
  'warm-100k-up',
  'warm-100k-down',
  'warm-10m-down',
  'peer-get',
  'peer-stream',
  'http-proxy',
  'bare',
  'nginx',
  'haproxy',
  'cold',
  'keyserver-ticket',
  'keyserver-rsa',
] as const;
export type CaseName = (typeof caseNames)[number];

/** One kind of request, and whose CPU it is counted to. */
export interface Case {
  readonly name: CaseName;
  readonly title: string;
  readonly measured: readonly Part[];
  /** What must have written a log line for every request, or the case was not what it says. */
  readonly passes: readonly Part[];
  /** How many requests its code needs to be compiled as in long use. */
  readonly warmUpRequests: number;
  /** Callers at a time. */
  readonly concurrency: number;
  /** Makes the order of a round, fresh since timestamps are. */
  readonly order: () => Promise<Pick<LoadOrder, 'method' | 'url' | 'headers' | 'bodies' | 'once'>>;
}

/** Callers at a time, but where a case says otherwise. */
export const concurrency = 16;
/** More than two cores unwrap in a second. */
const maxUnwrapsPerSecond = 4000;
const requestBody = { filter: { visibility: 'ALL' }, limit: 100, last_id: '' };

/** All cases in the order of a round, but those of programs that are not there. `seconds` is the length of one. */
export async function createCases(arrangement: Arrangement, seconds: number): Promise<Case[]> {
  const { peer, nginx, haproxy, warmProxy, coldProxy, keyserver } = arrangement;
  const exchanges = await createExchanges(arrangement);
  const call = appCalls(arrangement);
  const common = { passes: [], warmUpRequests: 20_000, concurrency };
  const plain = (name: CaseName, title: string, part: Part, more: Partial<Case> = {}): Case => ({
    ...common,
    name,
    title,
    measured: [part],
    order: call({ to: part }),
    ...more,
  });
  const warm = (name: CaseName, what: string, more: Partial<Case> = {}) =>
    plain(name, `warm: ${what}`, warmProxy, { passes: [warmProxy], ...more });
  const direct =
    (part: Part, path: string, method: 'GET' | 'POST' = 'POST') =>
    async () => ({
      method,
      url: `${part.origin}${path}`,
      headers: {},
      bodies: method === 'GET' ? [] : [JSON.stringify(requestBody)],
      once: false,
    });
  const native = (name: 'nginx' | 'haproxy', title: string, part: Part | undefined) =>
    part ? [plain(name, title, part, { order: direct(part, '/v1/orders') })] : [];
  const exchange = (bodies: readonly string[], once: boolean) => ({
    method: 'POST' as const,
    url: `${keyserver.origin}/`,
    headers: {},
    bodies,
    once,
  });
  const cases = [
    plain('peer', '@fastify/reply-from, the same call', peer),
    warm('warm', '/request_api, release kept'),
    warm('warm-1', 'one caller', { concurrency: 1, warmUpRequests: 0 }),
    warm('warm-64', '64 callers', { concurrency: 64, warmUpRequests: 0 }),
    warm('warm-256', '256 callers', { concurrency: 256, warmUpRequests: 0 }),
    warm('warm-unsearched', 'answers not searched for the token', {
      order: call({ to: warmProxy, TokenType: unsearchedType }),
    }),
    warm('warm-100k-up', '100 KB to the marketplace', {
      order: call({ to: warmProxy, Body: 'x'.repeat(100_000) }),
      warmUpRequests: 2_000,
    }),
    warm('warm-100k-down', '100 KB from the marketplace', {
      order: call({ to: warmProxy, path: '/bytes/100000' }),
      warmUpRequests: 2_000,
    }),
    warm('warm-10m-down', '10 MB from the marketplace', {
      order: call({ to: warmProxy, path: '/bytes/10000000' }),
      warmUpRequests: 0,
      concurrency: 2,
    }),
    plain('peer-get', '@fastify/reply-from, GET', peer, { order: direct(peer, '/get', 'GET') }),
    plain('peer-stream', '@fastify/reply-from, POST streamed', peer, {
      order: direct(peer, '/stream'),
    }),
    plain('http-proxy', '@fastify/http-proxy, POST', peer, {
      order: direct(peer, '/proxy/v1/orders'),
    }),
    plain('bare', 'a bare Fastify POST, no upstream', peer, {
      order: call({ to: peer, at: '/bare' }),
    }),
    ...native('nginx', 'nginx with a static header, POST', nginx),
    ...native('haproxy', 'HAProxy with a static header, POST', haproxy),
    plain('cold', 'cold: release by ticket at each call, both services', coldProxy, {
      measured: [coldProxy, keyserver],
      passes: [coldProxy, keyserver],
    }),
    plain('keyserver-ticket', 'KeyServer alone, by ticket', keyserver, {
      passes: [keyserver],
      warmUpRequests: 5_000,
      order: async () => exchange(await exchanges.ticket(), false),
    }),
    plain('keyserver-rsa', 'KeyServer alone, RSA-3072 at each request', keyserver, {
      passes: [keyserver],
      warmUpRequests: 500,
      order: async () => exchange(exchanges.rsa(Math.ceil(seconds * maxUnwrapsPerSecond)), true),
    }),
  ];
  return cases;
}

interface CallOptions {
  readonly to: Part;
  readonly at?: string;
  readonly TokenType?: string;
  /** Of the upstream. */
  readonly path?: string;
  readonly Body?: unknown;
}

/** Calls as apps make them. A client for each caller: calls for one at a time would share a release. */
export function appCalls({ clients, upstreamUrl, appKey }: Arrangement) {
  return ({ to, at = '/request_api', path, ...members }: CallOptions) => {
    const ApiUri = path === undefined ? upstreamUrl : new URL(path, upstreamUrl).href;
    const bodies = clients.map((ClientId) =>
      JSON.stringify({ ClientId, TokenType: tokenType, ApiUri, Body: requestBody, ...members }),
    );
    return async () => ({
      method: 'POST' as const,
      url: `${to.origin}${at}`,
      headers: { authorization: `Bearer ${appKey}` },
      bodies,
      once: false,
    });
  };
}
