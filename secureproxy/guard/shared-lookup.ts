import { getDomain } from 'tldts';
import type { Lookup } from './lookup.ts';

/** A failure is remembered for so long; RFC 9520 §3.2 wants at least a second. */
const failureMs = 1000;
/** Names under one domain have the same name servers, and a wildcard allows any number of names. */
const maxPerDomain = 4;
const maxWaitingPerDomain = 1000;

export interface SharedLookupOptions {
  /** Limit of one look-up, its wait for a turn included. */
  readonly timeoutMs: number;
  /** Maximum number of look-ups at a time; absent: unlimited. */
  readonly maxConcurrent?: number;
}

/** The error's code if a name is not resolved in time. */
export const lookupTimedOut = 'ETIMEOUT';

/**
 * Shares look-ups: a name is looked up once at a time for all who wait, and its failure is remembered for a
 * second. A look-up that was given up counts until it ends, since getaddrinfo cannot be cancelled, and
 * the name fails at once until then.
 */
export function sharedLookup(lookup: Lookup, options: SharedLookupOptions): Lookup {
  const lookups = new SharedLookups(lookup, options);
  return (hostname) => lookups.find(hostname);
}

/** A registrable domain with look-ups. */
interface Domain {
  running: number;
  readonly waiting: Map<string, Found>;
}

type Found = PromiseWithResolvers<readonly string[]>;

class SharedLookups {
  readonly #lookup: Lookup;
  readonly #timeoutMs: number;
  readonly #maxConcurrent: number;
  /** Look-ups that have not ended, and failures that are remembered. */
  readonly #known = new Map<string, Promise<readonly string[]>>();
  readonly #domains = new Map<string, Domain>();
  #running = 0;

  constructor(lookup: Lookup, options: SharedLookupOptions) {
    this.#lookup = lookup;
    this.#timeoutMs = options.timeoutMs;
    this.#maxConcurrent = options.maxConcurrent ?? Number.POSITIVE_INFINITY;
  }

  find(hostname: string): Promise<readonly string[]> {
    let found = this.#known.get(hostname);
    if (found === undefined) {
      found = this.#ask(hostname);
      this.#known.set(hostname, found);
    }
    return found;
  }

  #ask(hostname: string): Promise<readonly string[]> {
    const { waiting } = this.#domainOf(hostname);
    const found: Found = Promise.withResolvers();
    const timer = setTimeout(() => {
      found.reject(Object.assign(new Error(`${hostname}: no answer`), { code: lookupTimedOut }));
      if (waiting.delete(hostname)) this.#forgetLater(hostname);
    }, this.#timeoutMs);
    const stop = () => clearTimeout(timer);
    found.promise.then(stop, stop);
    if (waiting.size < maxWaitingPerDomain) waiting.set(hostname, found);
    else {
      found.reject(
        Object.assign(new Error(`${hostname}: too many look-ups`), { code: 'EAI_AGAIN' }),
      );
      this.#forgetLater(hostname);
    }
    this.#startWaiting();
    return found.promise;
  }

  #startWaiting(): void {
    for (const [name, domain] of this.#domains) {
      for (const [hostname, found] of domain.waiting) {
        if (this.#running >= this.#maxConcurrent) return;
        if (domain.running >= maxPerDomain) break;
        domain.waiting.delete(hostname);
        void this.#run(hostname, domain, found);
      }
      if (domain.running === 0 && domain.waiting.size === 0) this.#domains.delete(name);
    }
  }

  async #run(hostname: string, domain: Domain, found: Found): Promise<void> {
    domain.running += 1;
    this.#running += 1;
    try {
      found.resolve(await this.#lookup(hostname));
      this.#known.delete(hostname);
    } catch (error) {
      found.reject(error);
      this.#forgetLater(hostname);
    }
    domain.running -= 1;
    this.#running -= 1;
    this.#startWaiting();
  }

  #forgetLater(hostname: string): void {
    setTimeout(() => this.#known.delete(hostname), failureMs).unref();
  }

  #domainOf(hostname: string): Domain {
    const name = getDomain(hostname) ?? hostname;
    const domain = this.#domains.get(name) ?? { running: 0, waiting: new Map() };
    this.#domains.set(name, domain);
    return domain;
  }
}
