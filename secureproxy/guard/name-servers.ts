import { Resolver } from 'node:dns/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Lookup } from './lookup.ts';

const queryTimeoutMs = 2000;
const tries = 2;
/** How long the slower family may take once the other has addresses (RFC 8305 §3). */
const resolutionDelayMs = 50;
/** Error codes of a name that has no address of the queried family. */
const noAddress = new Set(['ENODATA', 'ENOTFOUND']);

/**
 * Builds a lookup that queries only these servers (`address` or `address:port`), never the system's
 * resolver or its hosts file. One family suffices if the other fails or is late.
 * @throws TypeError if a server is not an IP address
 */
export function lookupAt(servers: readonly string[]): Lookup {
  const resolver = new Resolver({ timeout: queryTimeoutMs, tries });
  resolver.setServers(servers);
  return async (hostname) => {
    const failed: string[] = [];
    const query = async (type: 'A' | 'AAAA', found: string[]) => {
      try {
        found.push(...(await resolver.resolve(hostname, type)));
      } catch (error) {
        const { code = '' } = error as NodeJS.ErrnoException;
        if (!noAddress.has(code)) failed.push(`${type} ${code}`);
      }
    };
    const [v4, v6]: [string[], string[]] = [[], []];
    const queries = [query('A', v4), query('AAAA', v6)];
    await Promise.race(queries);
    const isFound = v4.length + v6.length > 0;
    const both = Promise.all(queries);
    await (isFound ? Promise.race([both, sleep(resolutionDelayMs)]) : both);
    const found = [...v4, ...v6];
    if (found.length > 0 || failed.length === 0) return found;
    // The code that the system's resolver gives.
    throw Object.assign(new Error(`${hostname}: ${failed.join(', ')}`), { code: 'EAI_AGAIN' });
  };
}
