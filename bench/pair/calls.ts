import { tokenType } from '../../test/support/pair-state.ts';
import { type LoadOrder, lettersMark } from '../load/order.ts';
import type { Part } from '../machine/parts.ts';

/** A load without its length and its callers. */
export type Order = Pick<
  LoadOrder,
  'method' | 'url' | 'headers' | 'bodies' | 'letters' | 'use' | 'maxRequests' | 'ca'
>;

/** A small body, typical of marketplaces. */
const requestBody = { filter: { visibility: 'ALL' }, limit: 100, last_id: '' };

export interface Calls {
  readonly to: Part;
  readonly at?: string;
  readonly appKey: string;
  /** One for each caller, so that cold calls do not share the fetch of a release. */
  readonly clients: readonly string[];
  /** URLs of the calls, by turns like the clients. */
  readonly urls: readonly string[];
  /** JSON text for the marketplace. */
  readonly body?: unknown;
  /** Sends a text of this many letters instead. */
  readonly letters?: number;
  readonly type?: string;
  readonly use?: LoadOrder['use'];
  readonly ca?: string;
}

/** Calls of apps to SecureProxy or a peer. */
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

/** Requests that SecureProxy forwards; a POST has a text of so many letters. */
export function forwardOrder(
  { to, appKey, clients, type = tokenType }: Pick<Calls, 'to' | 'appKey' | 'clients' | 'type'>,
  path: string,
  letters?: number,
): Order {
  const order = directOrder(to, `/forward/${clients[0]}/${type}${path}`, 'GET', letters);
  return { ...order, headers: { authorization: `Bearer ${appKey}` } };
}

/** Requests to a part that does not authenticate; with letters, a POST of a text of so many. */
export function directOrder(
  to: Part,
  path: string,
  method: 'GET' | 'POST' = 'POST',
  letters?: number,
): Order {
  const plain = { url: `${to.origin}${path}`, headers: {}, use: 'by-caller' } as const;
  if (letters !== undefined)
    return { ...plain, method: 'POST', bodies: [JSON.stringify(lettersMark)], letters };
  return { ...plain, method, bodies: method === 'GET' ? [] : [JSON.stringify(requestBody)] };
}

/** Requests of SecureProxy to KeyServer. */
export function exchangeOrder(
  { origin }: Part,
  bodies: readonly string[],
  more: Pick<Order, 'use' | 'maxRequests'>,
): Order {
  return { method: 'POST', url: `${origin}/`, headers: {}, bodies, ...more };
}
