import { randomBytes } from 'node:crypto';
import { importKey } from '../../../shared/crypto/aead.ts';
import { makeTicket } from '../../../shared/crypto/ticket.ts';
import type { ClientSession } from '../../../test/support/exchange-client.ts';
import { cut, flip } from '../../../test/support/tampering.ts';
import { ownOf } from '../../scene/attack.ts';
import { type Fault, type Given, obtain } from '../../scene/keyserver.ts';

/** A good ticket for the session. */
export async function ticketOf(given: Given): Promise<string> {
  return (await obtain(given)).release.session?.ticket ?? '';
}

/** A session of this key that is named by a ticket. */
export const byTicket = (key: ClientSession['key'], session: string): ClientSession => ({
  key,
  named: { session },
});

/** The ticket changed, by who knows the session key. */
const altered =
  (change: (ticket: string) => string): Fault =>
  async (given) =>
    given.ask({}, byTicket(given.session.key, change(await ticketOf(given))));

/** A ticket for a session key of the forger's own. */
const forged =
  (kid: string | undefined, purpose: 'tickets' | 'rows' | undefined, lifeSeconds = 600): Fault =>
  ({ scene, ask }) => {
    const { keyring, clock } = ownOf(scene).admin;
    const sessionKey = randomBytes(32);
    const key = purpose ? keyring.primary(purpose) : importKey(randomBytes(32));
    const expiresAt = Math.floor(clock.now() / 1000) + lifeSeconds;
    const ticket = makeTicket(kid ?? keyring.primaryKid, key, { sessionKey, expiresAt });
    return ask({}, byTicket(importKey(sessionKey), ticket.toString('base64')));
  };

export const ticketFaults: Readonly<Record<string, Fault>> = {
  'stolen, without its session key': async (given) =>
    given.ask({}, byTicket(importKey(randomBytes(32)), await ticketOf(given))),
  ...Object.fromEntries(
    Object.entries({ 'length of the kid': 0, kid: 1, content: -40, expiry: -17, tag: -1 }).map(
      ([part, at]) => [`with a flipped bit in its ${part}`, altered((ticket) => flip(ticket, at))],
    ),
  ),
  'with a tag of 12 bytes': altered((ticket) => cut(ticket, 4)),
  'with a byte behind': altered((ticket) =>
    Buffer.concat([Buffer.from(ticket, 'base64'), Buffer.of(0)]).toString('base64'),
  ),
  'that is empty': altered(() => ''),
  'that is a kid longer than all of it': altered(() => Buffer.of(255, 65).toString('base64')),
  'of a kid that nobody knows': forged('unknown', undefined),
  'of a kid that objects have': forged('__proto__', undefined),
  'made with another key': forged(undefined, undefined),
  'made with the key of rows': forged(undefined, 'rows'),
  'that has ended': forged(undefined, 'tickets', 0),
  'that is a wrapped key': ({ ask, session, request }) =>
    ask({}, byTicket(session.key, request.sessionKey)),
};
