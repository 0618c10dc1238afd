import { ServiceError } from '../../shared/errors.ts';
import { Slots } from '../../shared/overload/slots.ts';

/** The phases of a call, one of which it waits for when its time is up. */
export type Wait = 'request' | 'keyserver' | 'place' | 'connection' | 'answer';

const expiries: Readonly<Record<Wait, () => ServiceError>> = {
  request: expiry('request_timeout', 'for the rest of the request; nothing was sent'),
  keyserver: expiry('keyserver_timeout', 'for KeyServer; nothing was sent'),
  place: expiry('queue_timeout', 'in a queue for its place; nothing was sent'),
  connection: expiry(
    'connect_timeout',
    'for a connection to the upstream; nothing was sent',
    'connection_timeout',
  ),
  answer: expiry('total_timeout', "for the upstream's answer", 'http_response_timeout'),
};

function expiry(reason: string, wait: string, proxyError = 'proxy_internal_response') {
  const detail = `The call as a whole took longer than allowed: it was waiting ${wait}.`;
  return () => new ServiceError('upstream_timeout', { reason, detail, proxyError });
}

/** The deadline of one call. It bounds everything that the call waits for, one thing after another. */
export class Deadline {
  readonly #endsAt: number;
  #slot: number | undefined;
  #wait: Wait = 'request';
  #onExpiry: ((error: ServiceError) => void) | undefined;
  #expired: ServiceError | undefined;

  /** @param leftMs milliseconds until then; may be negative */
  constructor(leftMs: number) {
    this.#endsAt = performance.now() + leftMs;
    if (leftMs > 0) this.#slot = alarm.add(this);
    else this.expire();
  }

  /** Time by `performance.now`. */
  get endsAt(): number {
    return this.#endsAt;
  }

  get isExpired(): boolean {
    return this.#expired !== undefined;
  }

  /** Milliseconds until then; 0 afterwards. */
  get leftMs(): number {
    return Math.max(0, this.#endsAt - performance.now());
  }

  /** Begins a wait, which ends the one before; `onExpiry` is called if the time is up, even if it is already. */
  begin(wait: Wait, onExpiry: (error: ServiceError) => void): void {
    this.#wait = wait;
    this.#onExpiry = onExpiry;
    if (this.#expired !== undefined) onExpiry(this.#expired);
  }

  /** Names what the wait is for from now on. */
  goOn(wait: Wait): void {
    this.#wait = wait;
  }

  /** Resolves as `promise`, whose work goes on if the time is up. @throws ServiceError upstream_timeout */
  bound<T>(wait: Wait, promise: Promise<T>): Promise<T> {
    const bounded = Promise.withResolvers<T>();
    this.begin(wait, bounded.reject);
    promise.then(bounded.resolve, bounded.reject);
    return bounded.promise;
  }

  /** Ends the wait, so that expiry has no effect before the next. */
  pause(): void {
    this.#onExpiry = undefined;
  }

  end(): void {
    this.pause();
    if (this.#slot !== undefined) alarm.remove(this.#slot);
    this.#slot = undefined;
  }

  /** The time is up. */
  expire(): void {
    this.#expired = expiries[this.#wait]();
    this.#onExpiry?.(this.#expired);
  }
}

/** Expires deadlines by one timer, that of the earliest: a call ends long before its own, and timers cost much. */
class Alarm {
  readonly #deadlines = new Slots<Deadline>();
  #timer: NodeJS.Timeout | undefined;
  #ringsAt = Infinity;

  add(deadline: Deadline): number {
    if (deadline.endsAt < this.#ringsAt) this.#set(deadline.endsAt);
    return this.#deadlines.add(deadline);
  }

  remove(slot: number): void {
    this.#deadlines.remove(slot);
  }

  #set(at: number): void {
    clearTimeout(this.#timer);
    this.#ringsAt = at;
    // The connection of its caller keeps a process that has a call.
    this.#timer = setTimeout(() => this.#ring(), Math.ceil(at - performance.now())).unref();
  }

  #ring(): void {
    const now = performance.now();
    this.#ringsAt = Infinity;
    this.#timer = undefined;
    let next = Infinity;
    for (const deadline of this.#deadlines) {
      if (deadline.isExpired) continue;
      if (deadline.endsAt <= now) deadline.expire();
      else next = Math.min(next, deadline.endsAt);
    }
    if (next < this.#ringsAt) this.#set(next);
  }
}

const alarm = new Alarm();
