import type { Clock } from '../../shared/clock.ts';
import {
  type AnnouncedChange,
  type Changes,
  leaseMs,
} from '../../shared/protocol/change-messages.ts';
import type { Release } from '../../shared/protocol/messages.ts';

/** Whose token a release has. */
export interface ReleaseNames {
  readonly clientId: string;
  readonly tokenType: string;
}

/**
 * What KeyServer announced: which releases it makes outdated, and how long that is all there is to
 * know (the lease). Bounded: where the oldest change is forgotten, all releases from before it count
 * as outdated.
 */
export class KnownChanges {
  readonly #clock: Pick<Clock, 'monotonic'>;
  readonly #max: number;
  /** The last change of each name, in the order in which they came. */
  readonly #latest = new Map<string, number>();
  /** Releases from before it are outdated, whatever their names. */
  #floor = 0;
  #seq = 0;
  #epoch = 0;
  #leaseEndsAt = -Infinity;

  constructor(clock: Pick<Clock, 'monotonic'>, max = 2000) {
    this.#clock = clock;
    this.#max = max;
  }

  /** The last change that was announced. */
  get seq(): number {
    return this.#seq;
  }

  /** Counts how often everything was dropped: what was asked for in another epoch is not kept. */
  get epoch(): number {
    return this.#epoch;
  }

  get isLeased(): boolean {
    return this.#clock.monotonic() < this.#leaseEndsAt;
  }

  /** Takes an answer that was asked for at `askedAt` of the monotonic clock. */
  take({ seq, changes, reset, ageMs }: Changes, askedAt: number): void {
    const names = changes.map(nameOf);
    // After a lease has run out, an equal seq may be that of another history (docs/protocol.md §5).
    const follows = this.isLeased && reset !== true && seq >= this.#seq;
    if (follows && !names.includes(undefined)) {
      changes.forEach((change, i) => {
        this.#note(names[i] ?? '', change.seq);
      });
    } else {
      this.#dropAll(seq);
    }
    this.#seq = seq;
    this.#leaseEndsAt = askedAt + leaseMs - ageMs;
  }

  /** Drops everything and ends the lease: KeyServer does not know this proxy any more. */
  revoke(): void {
    this.#dropAll(this.#seq);
    this.#leaseEndsAt = -Infinity;
  }

  /** True where no change is known that came after this release. */
  isCurrent({ clientId, tokenType }: ReleaseNames, { app, seq }: Release): boolean {
    // Nothing was announced since.
    if (seq >= this.#seq) return true;
    const names = [
      tokenName(clientId, tokenType),
      documentName('type', tokenType),
      documentName('app', app),
      ownName,
    ];
    return seq >= this.#floor && names.every((name) => seq >= (this.#latest.get(name) ?? 0));
  }

  #dropAll(seq: number): void {
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

/** The only proxy that a proxy hears of is itself. */
const ownName = 'proxy';

function tokenName(clientId: string, tokenType: string): string {
  return JSON.stringify(['token', clientId, tokenType]);
}

function documentName(kind: 'type' | 'app', id: string): string {
  return JSON.stringify([kind, id]);
}

/** Undefined for a change of which this version does not know what it means. */
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
