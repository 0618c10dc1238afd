import type { KeyObject } from 'node:crypto';
import type { Clock } from '../../shared/clock.ts';
import { importKey } from '../../shared/crypto/aead.ts';
import { decodeBase64 } from '../../shared/crypto/base64.ts';
import { OpenError } from '../../shared/crypto/open-error.ts';
import { coresForUnwraps } from '../../shared/crypto/rsa-oaep.ts';
import { makeTicket, openTicket } from '../../shared/crypto/ticket.ts';
import { ServiceError } from '../../shared/errors.ts';
import { memoizeByText } from '../../shared/memoize.ts';
import { FairQueue, type FairQueueOptions, sourceOf } from '../../shared/overload/fair-queue.ts';
import type { IssuedTicket, ReleaseRequest } from '../../shared/protocol/messages.ts';
import type { Keyring } from '../keys/keyring.ts';
import type { RsaKeys } from '../keys/rsa-keys.ts';

const ticketSeconds = 600;
/** Enough for threads to be busy, and few for a known peer to wait for: threads take unwraps in order. */
const maxUnwraps = 2 * coresForUnwraps;
const unwrapQueue: FairQueueOptions = {
  maxRunning: maxUnwraps,
  maxWaiting: 256,
  queueTimeoutMs: 1000,
  minHoldMs: 0,
  rejection: () =>
    new ServiceError('overloaded', {
      reason: 'unwraps',
      retryAfterSeconds: 1,
      detail: 'Too many new sessions are being opened; try again.',
    }),
};
/** Addresses of authenticated peers, of which the one that was longest not seen is forgotten first. */
const maxKnownPeers = 10_000;

/** The key that seals one request and its answer, and its source. */
export interface Session {
  readonly key: KeyObject;
  readonly source: 'rsa' | 'ticket';
  /** Makes a ticket for this key; undefined if the key came from a ticket, because tickets are never extended. */
  readonly issueTicket: (() => IssuedTicket) | undefined;
  /** To be called once the sender is authenticated: new sessions from its address do not wait for strangers'. */
  readonly acceptPeer?: () => void;
}

/** Opens sessions. Every fault is the same `session_invalid` (docs/protocol.md §7). */
export class Sessions {
  readonly #rsaKeys: RsaKeys;
  readonly #keyring: Keyring;
  readonly #clock: Clock;
  /** Cached, because a proxy sends the same ticket for ten minutes. */
  readonly #ticketOf = memoizeByText((text) => {
    const { sessionKey, expiresAt } = openTicket(
      decodeBase64(text, 'base64'),
      this.#keyring.lookup('tickets'),
    );
    return { key: importKey(sessionKey), expiresAt };
  });
  readonly #knownPeers = new Set<string>();
  readonly #unwraps = {
    ofKnown: new FairQueue(unwrapQueue),
    ofStrangers: new FairQueue(unwrapQueue),
  };

  constructor(rsaKeys: RsaKeys, keyring: Keyring, clock: Clock) {
    this.#rsaKeys = rsaKeys;
    this.#keyring = keyring;
    this.#clock = clock;
  }

  get waiting(): { readonly known: number; readonly unknown: number } {
    const { ofKnown, ofStrangers } = this.#unwraps;
    return { known: ofKnown.waiting, unknown: ofStrangers.waiting };
  }

  /** @param address of the sender @throws ServiceError session_invalid, overloaded */
  async open(
    { sessionKey, session, keyId }: Pick<ReleaseRequest, 'sessionKey' | 'session' | 'keyId'>,
    address: string,
  ): Promise<Session> {
    try {
      return session === undefined
        ? await this.#unwrap(sessionKey ?? '', keyId, sourceOf(address))
        : this.#openTicket(session);
    } catch (error) {
      throw error instanceof OpenError ? sessionInvalid() : error;
    }
  }

  async #unwrap(wrapped: string, keyId: string | undefined, peer: string): Promise<Session> {
    const unwrap = this.#rsaKeys.unwrapper(keyId);
    if (unwrap === undefined) throw new OpenError();
    const { ofKnown, ofStrangers } = this.#unwraps;
    const queue = this.#knownPeers.has(peer) ? ofKnown : ofStrangers;
    const raw = await queue.run(peer, () => unwrap(decodeBase64(wrapped, 'base64')));
    return {
      key: importKey(raw),
      source: 'rsa',
      issueTicket: () => this.#issueTicket(raw),
      acceptPeer: () => this.#acceptPeer(peer),
    };
  }

  #acceptPeer(peer: string): void {
    this.#knownPeers.delete(peer);
    this.#knownPeers.add(peer);
    const [oldest] = this.#knownPeers;
    if (this.#knownPeers.size > maxKnownPeers && oldest !== undefined) {
      this.#knownPeers.delete(oldest);
    }
  }

  #openTicket(text: string): Session {
    const { key, expiresAt } = this.#ticketOf(text);
    if (expiresAt * 1000 <= this.#clock.now()) throw new OpenError();
    return { key, source: 'ticket', issueTicket: undefined };
  }

  #issueTicket(sessionKey: Uint8Array) {
    const expiresAt = Math.floor(this.#clock.now() / 1000) + ticketSeconds;
    const { primaryKid } = this.#keyring;
    const ticket = makeTicket(primaryKid, this.#keyring.primary('tickets'), {
      sessionKey,
      expiresAt,
    });
    return { ticket: ticket.toString('base64'), expiresIn: ticketSeconds };
  }
}

/** The same error for every fault, without detail or cause. */
export function sessionInvalid(): ServiceError {
  return new ServiceError('session_invalid');
}
