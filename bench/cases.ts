import { tokenType } from '../test/support/pair-state.ts';
import type { Arrangement, Part } from './arrangement.ts';
import { createExchanges } from './exchanges.ts';
import type { LoadOrder } from './load-run.ts';

export const caseNames = ['peer', 'warm', 'cold', 'keyserver-ticket', 'keyserver-rsa'] as const;
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
  /** Makes the order of a round, fresh since timestamps are. */
  readonly order: () => Promise<Pick<LoadOrder, 'url' | 'headers' | 'bodies' | 'once'>>;
}

/** More than two cores unwrap in a second. */
const maxUnwrapsPerSecond = 4000;

/** All cases in the order of a round. `seconds` is the length of one. */
export async function createCases(arrangement: Arrangement, seconds: number): Promise<Case[]> {
  const { peer, warmProxy, coldProxy, keyserver, appKey, upstreamUrl, clients } = arrangement;
  const exchanges = await createExchanges(arrangement);
  // A client for each caller: calls for one at a time would share a release.
  const calls = clients.map((ClientId) =>
    JSON.stringify({
      ClientId,
      TokenType: tokenType,
      ApiUri: upstreamUrl,
      Body: { filter: { visibility: 'ALL' }, limit: 100, last_id: '' },
    }),
  );
  const call = (proxy: Part) => async () => ({
    url: `${proxy.origin}/request_api`,
    headers: { authorization: `Bearer ${appKey}` },
    bodies: calls,
    once: false,
  });
  const exchange = (bodies: readonly string[], once: boolean) => ({
    url: `${keyserver.origin}/`,
    headers: {},
    bodies,
    once,
  });
  return [
    {
      name: 'peer',
      title: '@fastify/reply-from, the same call',
      measured: [peer],
      passes: [],
      warmUpRequests: 20_000,
      order: call(peer),
    },
    {
      name: 'warm',
      title: 'warm: /request_api, release kept',
      measured: [warmProxy],
      passes: [warmProxy],
      warmUpRequests: 20_000,
      order: call(warmProxy),
    },
    {
      name: 'cold',
      title: 'cold: release by ticket at each call, both services',
      measured: [coldProxy, keyserver],
      passes: [coldProxy, keyserver],
      warmUpRequests: 20_000,
      order: call(coldProxy),
    },
    {
      name: 'keyserver-ticket',
      title: 'KeyServer alone, by ticket',
      measured: [keyserver],
      passes: [keyserver],
      warmUpRequests: 5_000,
      order: async () => exchange(await exchanges.ticket(), false),
    },
    {
      name: 'keyserver-rsa',
      title: 'KeyServer alone, RSA-3072 at each request',
      measured: [keyserver],
      passes: [keyserver],
      warmUpRequests: 500,
      order: async () => exchange(exchanges.rsa(Math.ceil(seconds * maxUnwrapsPerSecond)), true),
    },
  ];
}
