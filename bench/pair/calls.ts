import { tokenType } from '../../test/support/pair-state.ts';
import { type LoadOrder, lettersMark } from '../load/order.ts';
import type { Part } from '../machine/parts.ts';

/** What a round's load is, less its length and its callers. */
export type Order = Pick<
  LoadOrder,
  'method' | 'url' | 'headers' | 'bodies' | 'letters' | 'use' | 'most' | 'ca'
>;

/** A small body, as marketplaces take it. */
const requestBody = { filter: { visibility: 'ALL' }, limit: 100, last_id: '' };

export interface Calls {
  readonly to: Part;
  readonly at?: string;
  /** Of the app. */
  readonly appKey: string;
  /** One for each caller: calls for one at a time would share a release. */
  readonly clients: readonly string[];
  /** Where the calls go, one after another as the clients do. */
  readonly urls: readonly string[];
  /** `application/json` that goes to the marketplace. */
  readonly body?: unknown;
  /** Sends a text of so many letters in its place. */
  readonly letters?: number;
  readonly type?: string;
  readonly use?: LoadOrder['use'];
  readonly ca?: string;
}

/** Calls as apps make them. */
export function callOrder(calls: Calls): Order {
  const { to, at = '/request_api', appKey, clients, urls, letters, type = tokenType, ca } = calls;
  const Body = letters === undefined ? (calls.body ?? requestBody) : lettersMark;
  const count = Math.max(clients.length, urls.length);
  const bodies = Array.from({ length: count }, (_, i) => {
    const [ClientId, ApiUri] = [clients[i % clients.length], urls[i % urls.length]];
    return JSON.stringify({ ClientId, TokenType: type, ApiUri, Body });
  });
  return {
    method: 'POST',
    url: `${to.origin}${at}`,
    headers: { authorization: `Bearer ${appKey}` },
    bodies,
    use: calls.use ?? 'by-caller',
    ...(letters !== undefined && { letters }),
    ...(ca !== undefined && { ca }),
  };
}

/** A request to a part that knows no callers. */
export function directOrder(to: Part, path: string, method: 'GET' | 'POST' = 'POST'): Order {
  return {
    method,
    url: `${to.origin}${path}`,
    headers: {},
    bodies: method === 'GET' ? [] : [JSON.stringify(requestBody)],
    use: 'by-caller',
  };
}

/** Exchanges with KeyServer. */
export function exchangeOrder(
  { origin }: Part,
  bodies: readonly string[],
  more: Pick<Order, 'use' | 'most'>,
): Order {
  return { method: 'POST', url: `${origin}/`, headers: {}, bodies, ...more };
}
