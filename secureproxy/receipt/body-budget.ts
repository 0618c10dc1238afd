import { getHeapStatistics } from 'node:v8';
import { ServiceError } from '../../shared/errors.ts';
import type { BodyOwner } from './body-owner.ts';

export interface BodyBudgetOptions {
  /** For the bodies of all calls. */
  readonly totalBytes: number;
  /** The part of it for callers whose key is not known. */
  readonly strangersBytes: number;
  /** The part of that for one address, so that it does not shut out the others. */
  readonly sourceBytes: number;
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
  const strangersBytes = Math.max(longest, Math.floor(totalBytes / 16));
  const sourceBytes = Math.max(longest, Math.floor(strangersBytes / 2));
  return { totalBytes, strangersBytes, sourceBytes };
}

/** The bytes of bodies in memory, from their receipt to the end of their calls. */
export class BodyBudget {
  readonly #options: BodyBudgetOptions;
  readonly #apps = new Map<string, number>();
  readonly #sources = new Map<string, number>();
  #strangers = 0;
  #held = 0;

  constructor(options: BodyBudgetOptions) {
    this.#options = options;
  }

  get held(): number {
    return this.#held;
  }

  /** Takes bytes for a call; {@link give} them back. @throws ServiceError overloaded if there is no room */
  take(owner: BodyOwner, bytes: number): void {
    if (!this.#hasRoom(owner, bytes)) throw noRoom('source' in owner);
    this.#add(owner, bytes);
  }

  give(owner: BodyOwner, bytes: number): void {
    this.#add(owner, -bytes);
  }

  #add(owner: BodyOwner, bytes: number): void {
    const [parts, name] = this.#partsOf(owner);
    const mine = (parts.get(name) ?? 0) + bytes;
    if (mine > 0) parts.set(name, mine);
    else parts.delete(name);
    if ('source' in owner) this.#strangers += bytes;
    this.#held += bytes;
  }

  #hasRoom(owner: BodyOwner, bytes: number): boolean {
    const { totalBytes, strangersBytes, sourceBytes } = this.#options;
    const [parts, name] = this.#partsOf(owner);
    const mine = (parts.get(name) ?? 0) + bytes;
    const all = this.#held + bytes;
    if (all > totalBytes) return false;
    if ('source' in owner) return mine <= sourceBytes && this.#strangers + bytes <= strangersBytes;
    // An app's share binds only if memory is scarce, or one app alone could not use it.
    const isScarce = all > totalBytes * 0.75;
    return !isScarce || mine <= totalBytes / 4;
  }

  #partsOf(owner: BodyOwner): readonly [Map<string, number>, string] {
    return 'source' in owner ? [this.#sources, owner.source] : [this.#apps, owner.app];
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
