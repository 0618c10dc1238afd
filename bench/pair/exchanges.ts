import { systemClock } from '../../shared/clock.ts';
import {
  type Ask,
  type ClientSession,
  newSession,
  openRelease,
  postJson,
  releaseRequest,
} from '../../test/support/exchange-client.ts';
import { tokenType } from '../../test/support/pair-state.ts';
import type { System } from './system.ts';

/** Makes bodies of SecureProxy's requests to KeyServer, for one round each. */
export interface Exchanges {
  /** Each with a session key under RSA, good once. */
  rsa(count: number): string[];
  /** All by one new ticket, each good once. */
  ticket(count: number): Promise<string[]>;
}

/** Wrapped once and reused: KeyServer unwraps at every request, and only nonces are good once. */
const sessionCount = 64;

/** @param url the target of the call */
export async function createExchanges(system: System, url: string): Promise<Exchanges> {
  const { keyserver, clients, proxyKey, appKey } = system;
  const { text } = await postJson(`${keyserver.origin}/public_key`, {});
  const { public_key } = JSON.parse(text) as { public_key: string };
  const sessions = Array.from({ length: sessionCount }, () => newSession(public_key));
  const target = { method: 'POST', url };
  const credential = { proxy: proxyKey, app: appKey, target };
  const ask = (i: number): Ask => ({
    clientId: pick(clients, i),
    tokenType,
    credential,
  });
  const request = (session: ClientSession, i: number) =>
    releaseRequest(session, ask(i), systemClock);
  return {
    rsa: (count) =>
      Array.from({ length: count }, (_, i) => JSON.stringify(request(pick(sessions, i), i))),
    ticket: async (count) => {
      const session = newSession(public_key);
      const first = request(session, 0);
      const { session: ticketed } = openRelease(
        session,
        first,
        await postJson(keyserver.origin, first),
      );
      const named = { session: ticketed?.ticket ?? '' };
      return Array.from({ length: count }, (_, i) =>
        JSON.stringify(request({ key: session.key, named }, i)),
      );
    },
  };
}

function pick<T>(items: readonly T[], i: number): T {
  return items[i % items.length] as T;
}
