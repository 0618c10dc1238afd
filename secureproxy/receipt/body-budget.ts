import { getHeapStatistics } from 'node:v8';
import { ServiceError } from '../../shared/errors.ts';

export interface BodyBudgetOptions {
  /** For the bodies of all calls. */
  readonly totalBytes: number;
  /** The part of it for callers whose key is not known. */
  readonly strangersBytes: number;
}

/**
 * Sizes a process's budget by its heap limit, which Node derives from the memory of machine or container: a
 * quarter of it, but room for two of the longest bodies.
 */
export function bodyBudgetOptions(
  longest: number,
  workers: number,
  heapBytes = getHeapStatistics().heap_size_limit,
): BodyBudgetOptions {
  const totalBytes = Math.max(2 * longest, Math.floor(heapBytes / 4 / workers));
  return { totalBytes, strangersBytes: Math.max(longest, Math.floor(totalBytes / 16)) };
}

/** The bytes of bodies in memory, from their receipt to the end of their calls. */
export class BodyBudget {
  readonly #options: BodyBudgetOptions;
  /** Bytes by app; strangers are under `undefined`. */
  readonly #heldBy = new Map<string | undefined, number>();
  #held = 0;

  constructor(options: BodyBudgetOptions) {
    this.#options = options;
  }

  get held(): number {
    return this.#held;
  }

  /**
   * Takes bytes for a call; {@link give} them back.
   * @param app undefined for strangers
   * @throws ServiceError overloaded if there is no room
   */
  take(app: string | undefined, bytes: number): void {
    const mine = (this.#heldBy.get(app) ?? 0) + bytes;
    if (!this.#hasRoom(app, mine, this.#held + bytes)) throw noRoom(app === undefined);
    this.#heldBy.set(app, mine);
    this.#held += bytes;
  }

  give(app: string | undefined, bytes: number): void {
    const mine = (this.#heldBy.get(app) ?? 0) - bytes;
    if (mine > 0) this.#heldBy.set(app, mine);
    else this.#heldBy.delete(app);
    this.#held -= bytes;
  }

  #hasRoom(app: string | undefined, mine: number, all: number): boolean {
    const { totalBytes, strangersBytes } = this.#options;
    if (app === undefined) return mine <= strangersBytes && all <= totalBytes;
    // An app's share binds only if memory is scarce, or one app alone could not use it.
    const isScarce = all > totalBytes * 0.75;
    return all <= totalBytes && (!isScarce || mine <= totalBytes / 4);
  }
}

function noRoom(isStranger: boolean): ServiceError {
  return new ServiceError('overloaded', {
    reason: 'body_bytes',
    retryAfterSeconds: 1,
    detail: isStranger
      ? 'More bodies of callers without a known app key at once than this service takes.'
      : 'More bodies at once than this service takes.',
  });
}
