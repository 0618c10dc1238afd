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

export const lookupTimedOut = 'ETIMEOUT';

type Found = PromiseWithResolvers<readonly string[]>;

interface Domain {
  running: number;
  readonly waiting: Map<string, Found>;
}

/**
 * Shares look-ups: a name is looked up once at a time for all who wait, and its failure is remembered for a
 * second. A look-up that was given up counts until it ends, since getaddrinfo cannot be cancelled, and
 * the name fails at once until then.
 */
export function sharedLookup(
  lookup: Lookup,
  { timeoutMs, maxConcurrent = Infinity }: SharedLookupOptions,
): Lookup {
  /** Look-ups that have not ended, and failures that are remembered. */
  const known = new Map<string, Promise<readonly string[]>>();
  const domains = new Map<string, Domain>();
  let running = 0;

  const forgetLater = (hostname: string) =>
    void setTimeout(() => known.delete(hostname), failureMs).unref();

  const domainOf = (hostname: string): Domain => {
    const name = getDomain(hostname) ?? hostname;
    const domain = domains.get(name) ?? { running: 0, waiting: new Map() };
    domains.set(name, domain);
    return domain;
  };

  const run = async (hostname: string, domain: Domain, found: Found) => {
    domain.running += 1;
    running += 1;
    try {
      found.resolve(await lookup(hostname));
      known.delete(hostname);
    } catch (error) {
      found.reject(error);
      forgetLater(hostname);
    }
    domain.running -= 1;
    running -= 1;
    startWaiting();
  };

  const startWaiting = () => {
    for (const [name, domain] of domains) {
      for (const [hostname, found] of domain.waiting) {
        if (running >= maxConcurrent) return;
        if (domain.running >= maxPerDomain) break;
        domain.waiting.delete(hostname);
        void run(hostname, domain, found);
      }
      if (domain.running === 0 && domain.waiting.size === 0) domains.delete(name);
    }
  };

  const ask = (hostname: string) => {
    const { waiting } = domainOf(hostname);
    const found: Found = Promise.withResolvers();
    const fail = (what: string, code: string) => {
      found.reject(Object.assign(new Error(`${hostname}: ${what}`), { code }));
    };
    const timer = setTimeout(() => {
      fail('no answer', lookupTimedOut);
      if (waiting.delete(hostname)) forgetLater(hostname);
    }, timeoutMs);
    const stop = () => clearTimeout(timer);
    found.promise.then(stop, stop);
    if (waiting.size < maxWaitingPerDomain) waiting.set(hostname, found);
    else {
      fail('too many look-ups', 'EAI_AGAIN');
      forgetLater(hostname);
    }
    startWaiting();
    return found.promise;
  };

  return (hostname) => {
    const found = known.get(hostname) ?? ask(hostname);
    known.set(hostname, found);
    return found;
  };
}
