import type { KeyObject } from 'node:crypto';
import { keyBytes, open, seal } from './aead.ts';
import { isKid, type KeyLookup } from './kid.ts';
import { OpenError } from './open-error.ts';
import { pae } from './pae.ts';

/** A ticket's content: the session key and its expiry (Unix seconds). */
interface TicketContent {
  readonly sessionKey: Uint8Array;
  readonly expiresAt: number;
}

const plaintextBytes = keyBytes + 8;

function ticketAad(kid: string): Buffer {
  return pae('skx1', 'ticket', kid);
}

/**
 * Makes a ticket: `length(kid) in one byte ‖ kid ‖ sealed {session key(32) ‖ LE64(expiry)}`.
 * Every replica with the keyring can open it, so none has to store it (docs/protocol.md §5).
 */
export function makeTicket(kid: string, key: KeyObject, content: TicketContent): Buffer {
  const plaintext = Buffer.alloc(plaintextBytes);
  plaintext.set(content.sessionKey, 0);
  plaintext.writeBigUInt64LE(BigInt(content.expiresAt), keyBytes);
  const sealed = seal(key, plaintext, ticketAad(kid));
  plaintext.fill(0);
  return Buffer.concat([Buffer.of(kid.length), Buffer.from(kid, 'latin1'), sealed]);
}

/** Opens a ticket. The expiry is returned, not checked. @throws OpenError for every fault alike */
export function openTicket(ticket: Buffer, keyFor: KeyLookup): TicketContent {
  const kidEnd = 1 + (ticket[0] ?? 0);
  const kid = ticket.toString('latin1', 1, kidEnd);
  const key = isKid(kid) ? keyFor(kid) : undefined;
  if (key === undefined) throw new OpenError();
  const plaintext = open(key, ticket.subarray(kidEnd), ticketAad(kid));
  if (plaintext.length !== plaintextBytes) throw new OpenError();
  return {
    sessionKey: plaintext.subarray(0, keyBytes),
    expiresAt: Number(plaintext.readBigUInt64LE(keyBytes)),
  };
}
