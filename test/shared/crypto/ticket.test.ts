import fc from 'fast-check';
import t from 'tap';
import { importKey } from '../../../shared/crypto/aead.ts';
import { isKid } from '../../../shared/crypto/kid.ts';
import { makeTicket, openTicket } from '../../../shared/crypto/ticket.ts';
import { flipBit, kid, rawKey, seconds } from './arbitraries.ts';
import { isRefused } from './refusal.ts';

t.test('a ticket opens to the session key and the expiry it was made of', async () => {
  fc.assert(
    fc.property(kid, rawKey, rawKey, seconds, (kid, raw, sessionKey, expiresAt) => {
      const key = importKey(raw);
      const ticket = makeTicket(kid, key, { sessionKey, expiresAt });
      const opened = openTicket(ticket, (wanted) => (wanted === kid ? key : undefined));
      return Buffer.from(opened.sessionKey).equals(sessionKey) && opened.expiresAt === expiresAt;
    }),
  );
});

t.test('refuses any flipped bit and every cut', async () => {
  const key = importKey(new Uint8Array(32));
  const ticket = makeTicket('k1', key, { sessionKey: new Uint8Array(32), expiresAt: 1 });
  fc.assert(
    fc.property(fc.nat(), (choice) => {
      // Whatever kid the change yields, its key is this one: the aad alone must refuse it.
      return (
        isRefused(() => openTicket(flipBit(ticket, choice), () => key)) &&
        isRefused(() => openTicket(ticket.subarray(0, choice % ticket.length), () => key))
      );
    }),
    { numRuns: 500 },
  );
});

t.test('refuses arbitrary bytes', async () => {
  const key = importKey(new Uint8Array(32));
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 120 }), (bytes) =>
      isRefused(() => openTicket(Buffer.from(bytes), () => key)),
    ),
  );
});

t.test('no key is looked up by a name that is no kid', async () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 20 }), (name) => {
      const asked: string[] = [];
      const ticket = Buffer.concat([Buffer.of(name.length), name, Buffer.alloc(68)]);
      const refused = isRefused(() =>
        openTicket(ticket, (kid) => {
          asked.push(kid);
          return undefined;
        }),
      );
      return refused && asked.every(isKid);
    }),
  );
});

t.test('two tickets of one session differ', async (t) => {
  const key = importKey(new Uint8Array(32));
  const content = { sessionKey: new Uint8Array(32), expiresAt: 1 };
  t.notSame(makeTicket('k1', key, content), makeTicket('k1', key, content));
});
