import { makeCallerKey } from '../../../shared/crypto/caller-key.ts';
import { OpenError } from '../../../shared/crypto/open-error.ts';
import { newSession, openRelease } from '../../../test/support/exchange-client.ts';
import { type Attack, ownOf } from '../../scene/attack.ts';
import {
  credentialOf,
  type Expected,
  type FullRequest,
  type Given,
  obtain,
  requestAttacks,
  startFrom,
} from '../../scene/keyserver.ts';
import { byTicket, ticketOf } from './tickets.ts';

const now = ({ scene }: Given) => Math.floor(ownOf(scene).admin.clock.now() / 1000);

/** Requests that were answered once, and are made again. */
const replays: Readonly<Record<string, Expected>> = {
  'a request again, byte by byte': [
    async (given) => (await obtain(given)).request,
    'request_stale',
  ],
  'a request again, with its timestamp moved on': [
    async (given) => {
      const { request } = await obtain(given);
      return { ...request, timestamp: request.timestamp + 1 };
    },
    'session_invalid',
  ],
  'a request again, with its nonce changed': [
    async (given) => ({ ...(await obtain(given)).request, nonce: given.request.nonce }),
    'session_invalid',
  ],
  'a nonce again, in another session': [
    async (given) => {
      const { nonce } = (await obtain(given)).request;
      return given.ask({ nonce }, newSession(given.publicKeyPem));
    },
    'request_stale',
  ],
  'a nonce again, for another client': [
    async (given) => {
      const { nonce } = (await obtain(given)).request;
      return given.ask({ nonce, clientId: 'shop-2' });
    },
    'request_stale',
  ],
  'a nonce again, for another app': [
    async (given) => {
      const { nonce } = (await obtain(given)).request;
      const app = ownOf(given.scene).otherKey;
      return given.ask({ nonce, credential: { ...credentialOf(given.scene), app } });
    },
    'grant_denied',
  ],
  'a nonce again, after it was used to explain': [
    async (given) => {
      const credential = { ...credentialOf(given.scene), explain: true };
      const { nonce } = (await obtain(given, { credential })).request;
      return given.ask({ nonce });
    },
    'request_stale',
  ],
  'an old timestamp': [(given) => given.ask({ timestamp: now(given) - 120 }), 'request_stale'],
  'a timestamp to come': [(given) => given.ask({ timestamp: now(given) + 120 }), 'request_stale'],
  'a timestamp in milliseconds': [
    (given) => given.ask({ timestamp: now(given) * 1000 }),
    'request_stale',
  ],
  'a ticket and a wrapped key at once': [
    async (given) => ({ ...given.request, session: await ticketOf(given) }),
    'request_invalid',
  ],
  'a ticket without a credential': [
    async (given) => {
      const request = given.ask({}, byTicket(given.session.key, await ticketOf(given)));
      return { ...request, credential: undefined };
    },
    'request_invalid',
  ],
  'a ticket, by a proxy that is not known': [
    async (given) => {
      const credential = { ...credentialOf(given.scene), proxy: makeCallerKey('spx_') };
      return given.ask({ credential }, byTicket(given.session.key, await ticketOf(given)));
    },
    'caller_unauthenticated',
  ],
};

/** Ways to open an answer that is another's. */
const foreign: Readonly<Record<string, (given: Given, request: FullRequest) => FullRequest>> = {
  'another request': ({ request }) => request,
  'a request for another client': (_given, request) => ({ ...request, clientId: 'shop-2' }),
  'a request of another type': (_given, request) => ({ ...request, tokenType: 'query' }),
};

export const replayAttacks: readonly Attack[] = [
  ...requestAttacks('exchange', replays),
  ...Object.entries(foreign).map(
    ([name, other]): Attack => ({
      class: 'exchange',
      name: `the answer to one request as that to ${name}`,
      ownOnly: true,
      run: async (scene) => {
        const given = await startFrom(scene);
        const { request, answer } = await obtain(given);
        const opened = opens(() => openRelease(given.session, other(given, request), answer));
        return { held: !opened, happened: opened ? 'it opened' : 'it does not open' };
      },
    }),
  ),
  {
    class: 'exchange',
    name: 'a request by ticket again, by one who listened',
    ownOnly: true,
    run: async (scene) => {
      const given = await startFrom(scene);
      const request = given.ask({}, byTicket(given.session.key, await ticketOf(given)));
      const first = await given.post(request);
      const again = await given.post(request);
      const isFresh = again.text !== first.text;
      const listener = newSession(given.publicKeyPem);
      const opened = opens(() => openRelease(listener, request, again));
      return {
        held: isFresh && !opened,
        happened: `${again.status}, ${isFresh ? 'sealed anew' : 'the same bytes'}, ${opened ? 'opened' : 'does not open'}`,
      };
    },
  },
];

function opens(open: () => unknown): boolean {
  try {
    open();
    return true;
  } catch (error) {
    if (error instanceof OpenError) return false;
    throw error;
  }
}
