import { hash } from 'node:crypto';
import type { Pool } from 'undici';
import { addressSet } from '../../shared/address/address-set.ts';
import { memoize } from '../../shared/memoize.ts';
import type { Policy } from '../../shared/policy/schema.ts';
import { certificateBlocks } from '../../shared/tls/pem.ts';
import { AddressGuard } from '../guard/address-guard.ts';
import { type ConnectorOptions, guardedConnector } from '../guard/guarded-connector.ts';
import { withPreparedHeads } from './answer-start.ts';
import { RepeatingPool } from './repeating-pool.ts';

export interface UpstreamPoolsOptions extends Omit<ConnectorOptions, 'origin' | 'allowed'> {
  readonly connections: number;
  readonly headersTimeoutMs: number;
  readonly bodyTimeoutMs: number;
}

/** The part of a policy that its connections depend on; memoized, since a cached release serves many calls. */
const termsOf = memoize(({ unsafeAllowPrivate = [], ca }: Policy) =>
  [...unsafeAllowPrivate.toSorted(), ca && hash('sha256', ca, 'base64')].join(' '),
);

/** Wildcard destinations allow any number of origins; the least recently used pool is evicted. */
const maxPools = 1000;

/**
 * One pool per origin, address policy and CA: a connection that one type's `unsafeAllowPrivate` or CA let
 * through must not serve a type without it.
 */
export class UpstreamPools {
  readonly #options: UpstreamPoolsOptions;
  readonly #pools = new Map<string, Pool>();
  /** The pool that was used last: most calls use it again, and need no key. */
  #newest: { readonly origin: string; readonly terms: string; readonly pool: Pool } | undefined;

  constructor(options: UpstreamPoolsOptions) {
    this.#options = options;
  }

  /** Timeout of each pause within a body. */
  get bodyTimeoutMs(): number {
    return this.#options.bodyTimeoutMs;
  }

  get(origin: string, policy: Policy): Pool {
    const terms = termsOf(policy);
    const newest = this.#newest;
    if (newest?.origin === origin && newest.terms === terms) return newest.pool;
    const key = `${origin} ${terms}`;
    const pool = this.#pools.get(key) ?? this.#create(origin, policy);
    // Deleted and set again, so that the map is in order of last use.
    this.#pools.delete(key);
    this.#pools.set(key, pool);
    this.#newest = { origin, terms, pool };
    if (this.#pools.size > maxPools) this.#evictOldest();
    return pool;
  }

  /**
   * Judges the addresses of an origin as a connection would, without connecting.
   * @throws ServiceError destination_denied; upstream_unreachable or upstream_timeout if the name does not resolve
   */
  async checkHost(origin: string, { unsafeAllowPrivate = [] }: Policy): Promise<void> {
    const target = { origin: new URL(origin), allowed: addressSet(unsafeAllowPrivate) };
    await new AddressGuard({ ...this.#options, ...target }).checkHost();
  }

  async close(): Promise<void> {
    await Promise.all([...this.#pools.values()].map((pool) => pool.close()));
  }

  #create(origin: string, { unsafeAllowPrivate = [], ca }: Policy): Pool {
    const { connections, headersTimeoutMs, bodyTimeoutMs } = this.#options;
    const connect = guardedConnector({
      ...this.#options,
      origin: new URL(origin),
      allowed: addressSet(unsafeAllowPrivate),
      ...(ca !== undefined && { ca: certificateBlocks(ca) }),
    });
    return new RepeatingPool(origin, connections, {
      pipelining: 1,
      headersTimeout: headersTimeoutMs,
      bodyTimeout: bodyTimeoutMs,
      connect: (to, callback) =>
        connect(to, (...[error, socket]) =>
          error ? callback(error, null) : callback(null, withPreparedHeads(socket)),
        ),
    });
  }

  #evictOldest(): void {
    const [oldest] = this.#pools;
    if (oldest === undefined) return;
    this.#pools.delete(oldest[0]);
    // Lets the pool's calls finish first.
    void oldest[1].close();
  }
}
