import type { KeyObject } from 'node:crypto';
import type { Clock } from '../../shared/clock.ts';
import { importKey } from '../../shared/crypto/aead.ts';
import { decodeBase64 } from '../../shared/crypto/base64.ts';
import { OpenError } from '../../shared/crypto/open-error.ts';
import { makeTicket, openTicket } from '../../shared/crypto/ticket.ts';
import { ServiceError } from '../../shared/errors.ts';
import { memoizeByText } from '../../shared/memoize.ts';
import type { IssuedTicket, ReleaseRequest } from '../../shared/protocol/messages.ts';
import type { Keyring } from '../keys/keyring.ts';
import type { RsaKeys } from '../keys/rsa-keys.ts';

const ticketSeconds = 600;
/** More concurrent unwraps would only queue for the few threads that do them. */
const maxPendingUnwraps = 256;

/** The key that seals one request and its answer, and its source. */
export interface Session {
  readonly key: KeyObject;
  readonly source: 'rsa' | 'ticket';
  /** Makes a ticket for this key; undefined if the key came from a ticket, because tickets are never extended. */
  readonly issueTicket: (() => IssuedTicket) | undefined;
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
  #pendingUnwraps = 0;

  constructor(rsaKeys: RsaKeys, keyring: Keyring, clock: Clock) {
    this.#rsaKeys = rsaKeys;
    this.#keyring = keyring;
    this.#clock = clock;
  }

  /** @throws ServiceError session_invalid, overloaded */
  async open({
    sessionKey,
    session,
    keyId,
  }: Pick<ReleaseRequest, 'sessionKey' | 'session' | 'keyId'>): Promise<Session> {
    try {
      return session === undefined
        ? await this.#unwrap(sessionKey ?? '', keyId)
        : this.#openTicket(session);
    } catch (error) {
      throw error instanceof OpenError ? sessionInvalid() : error;
    }
  }

  async #unwrap(wrapped: string, keyId: string | undefined): Promise<Session> {
    const unwrap = this.#rsaKeys.unwrapper(keyId);
    if (unwrap === undefined) throw new OpenError();
    if (this.#pendingUnwraps >= maxPendingUnwraps) {
      throw new ServiceError('overloaded', {
        reason: 'unwraps',
        retryAfterSeconds: 1,
        detail: 'Too many new sessions are being opened; try again.',
      });
    }
    this.#pendingUnwraps++;
    let raw: Uint8Array;
    try {
      raw = await unwrap(decodeBase64(wrapped, 'base64'));
    } finally {
      this.#pendingUnwraps--;
    }
    return { key: importKey(raw), source: 'rsa', issueTicket: () => this.#issueTicket(raw) };
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
