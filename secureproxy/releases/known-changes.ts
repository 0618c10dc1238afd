import type { Clock } from '../../shared/clock.ts';
import type { TokenContext } from '../../shared/crypto/token-row.ts';
import {
  type AnnouncedChange,
  type Changes,
  leaseMs,
} from '../../shared/protocol/change-messages.ts';
import type { Release } from '../../shared/protocol/messages.ts';

/** When KeyServer was asked: an answer's age counts from here, since it lacks later revocations. */
export interface Asked {
  /** Monotonic clock, milliseconds. */
  readonly at: number;
  /** {@link KnownChanges.epoch} at that time. */
  readonly epoch: number;
}

/** How long an answer of KeyServer may be used, by the monotonic clock in milliseconds. */
export interface Lifetime {
  readonly usableUntil: number;
  readonly usableWithoutLeaseUntil: number;
  readonly epoch: number;
}

/**
 * Changes that KeyServer announced. They tell which releases are outdated; until the lease ends, no
 * other release is. Bounded: once the oldest change is evicted, all releases before it count as
 * outdated.
 */
export class KnownChanges {
  readonly #clock: Pick<Clock, 'monotonic'>;
  readonly #max: number;
  /** Sequence number of each name's last change, in order of arrival. */
  readonly #latest = new Map<string, number>();
  /** Releases before this sequence number are outdated, whatever their names. */
  #floor = 0;
  #history: string | undefined;
  #seq = 0;
  #epoch = 0;
  #leaseEndsAt = -Infinity;
  #droppedAt = -Infinity;
  /** When another history came. */
  #historyCameAt = -Infinity;

  constructor(clock: Pick<Clock, 'monotonic'>, max = 2000) {
    this.#clock = clock;
    this.#max = max;
  }

  get seq(): number {
    return this.#seq;
  }

  /** Increases whenever everything is dropped: answers requested in an earlier epoch are not used. */
  get epoch(): number {
    return this.#epoch;
  }

  /** To be called just before a question is sent. */
  asking(): Asked {
    return { at: this.#clock.monotonic(), epoch: this.#epoch };
  }

  /** The lifetime of an answer; without a lease, nothing tells of changes since KeyServer looked. */
  lifetime({ at, epoch }: Asked, leasedMs: number, unleasedMs: number): Lifetime {
    const usableUntil = at + leasedMs;
    return { usableUntil, usableWithoutLeaseUntil: Math.min(usableUntil, at + unleasedMs), epoch };
  }

  isUsable({ usableUntil, usableWithoutLeaseUntil, epoch }: Lifetime): boolean {
    const now = this.#clock.monotonic();
    const until = now < this.#leaseEndsAt ? usableUntil : usableWithoutLeaseUntil;
    return now < until && epoch === this.#epoch;
  }

  /** Time since KeyServer looked for the changes that it told last, milliseconds; Infinity: it never told. */
  get ageMs(): number {
    return this.#clock.monotonic() - (this.#leaseEndsAt - leaseMs);
  }

  get isLeased(): boolean {
    return this.#clock.monotonic() < this.#leaseEndsAt;
  }

  /**
   * Applies an answer that was requested at `askedAt` (monotonic clock, milliseconds). False if it is behind what is
   * known of its history: it is not applied, since it would bring back what was revoked.
   */
  take({ history, seq, changes, reset, resetAgeMs, ageMs }: Changes, askedAt: number): boolean {
    const isSame = history === this.#history;
    if (isSame && history !== undefined && seq < this.#seq) return false;
    const names = changes.map(nameOf);
    // After the lease has expired, an equal seq may belong to another history (docs/protocol.md §5).
    const isOther = !isSame && history !== undefined && this.#history !== undefined;
    if (isOther) this.#historyCameAt = this.#clock.monotonic();
    const isReset = reset === true && !this.#hasDroppedSince(resetAgeMs);
    const follows = this.isLeased && !isReset && !isOther && seq >= this.#seq;
    if (follows && !names.includes(undefined)) {
      changes.forEach((change, i) => {
        this.#note(names[i] ?? '', change.seq);
      });
    } else {
      this.#dropAll(seq);
    }
    this.#history = history;
    this.#seq = seq;
    this.#leaseEndsAt = askedAt + leaseMs - ageMs;
    return true;
  }

  /** Drops everything and ends the lease, since KeyServer no longer knows this proxy. */
  revoke(): void {
    this.#dropAll(this.#seq);
    this.#leaseEndsAt = -Infinity;
  }

  /** True if no change is known that is later than the release and of one of its names. */
  isCurrent({ clientId, tokenType }: TokenContext, { app, seq }: Release): boolean {
    // Nothing was announced since the release.
    if (seq >= this.#seq) return true;
    const names = [tokenName(clientId, tokenType), documentName('type', tokenType)];
    return this.isCallerCurrent({ app, seq }) && this.#areCurrent(names, seq);
  }

  /** True if no change is known that is later than `seq` and of this app or the proxy. */
  isCallerCurrent({ app, seq }: Pick<Release, 'app' | 'seq'>): boolean {
    return seq >= this.#seq || this.#areCurrent([documentName('app', app), ownName], seq);
  }

  #areCurrent(names: readonly string[], seq: number): boolean {
    return seq >= this.#floor && names.every((name) => seq >= (this.#latest.get(name) ?? 0));
  }

  /**
   * Without this, a KeyServer that has just started would have everything dropped at each question. KeyServers beside
   * it may follow another history later, until when releases of theirs can come that no change tells of.
   */
  #hasDroppedSince(resetAgeMs: number | undefined): boolean {
    const now = this.#clock.monotonic();
    const isSettled = now - this.#historyCameAt >= leaseMs;
    return isSettled && resetAgeMs !== undefined && now - resetAgeMs <= this.#droppedAt;
  }

  #dropAll(seq: number): void {
    this.#droppedAt = this.#clock.monotonic();
    this.#latest.clear();
    this.#floor = seq;
    this.#epoch += 1;
  }

  #note(name: string, seq: number): void {
    const latest = Math.max(seq, this.#latest.get(name) ?? 0);
    this.#latest.delete(name);
    this.#latest.set(name, latest);
    const [oldest] = this.#latest;
    if (this.#latest.size <= this.#max || oldest === undefined) return;
    this.#latest.delete(oldest[0]);
    this.#floor = Math.max(this.#floor, oldest[1]);
  }
}

/** One name is enough, since KeyServer tells a proxy only of changes to itself. */
const ownName = 'proxy';

function tokenName(clientId: string, tokenType: string): string {
  return JSON.stringify(['token', clientId, tokenType]);
}

function documentName(kind: 'type' | 'app', id: string): string {
  return JSON.stringify([kind, id]);
}

/** Undefined for an unknown kind of change, after which anything may have changed. */
function nameOf({ kind, id, tokenType }: AnnouncedChange): string | undefined {
  switch (kind) {
    case 'token':
      return tokenType === undefined ? undefined : tokenName(id, tokenType);
    case 'type':
    case 'app':
      return documentName(kind, id);
    case 'proxy':
      return ownName;
    default:
      return undefined;
  }
}
