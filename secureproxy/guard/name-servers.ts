import { type LookupAddress, Resolver } from 'node:dns';
import type { Lookup } from './address-guard.ts';

const askTimeoutMs = 2000;
const tries = 2;
/** Codes that mean that a name has no address of the family that was asked for. */
const noAddress = new Set(['ENODATA', 'ENOTFOUND']);

/**
 * Looks names up at these servers alone (`address` or `address:port`), in place of the system's resolver
 * and its hosts file. Both families are asked, and every answer counts.
 * @throws TypeError for a server that is no IP address
 */
export function lookupAt(servers: readonly string[]): Lookup {
  const resolver = new Resolver({ timeout: askTimeoutMs, tries });
  resolver.setServers(servers);
  return (hostname, _options, done) => {
    const ask = (family: 4 | 6) =>
      new Promise<LookupAddress[]>((resolve, reject) => {
        const take = (error: NodeJS.ErrnoException | null, found: string[]) => {
          if (error === null) resolve(found.map((address) => ({ address, family })));
          else if (noAddress.has(error.code ?? '')) resolve([]);
          // As the system's resolver says it.
          else reject(Object.assign(error, { code: 'EAI_AGAIN' }));
        };
        if (family === 4) resolver.resolve4(hostname, take);
        else resolver.resolve6(hostname, take);
      });
    Promise.all([ask(4), ask(6)]).then(
      (found) => done(null, found.flat()),
      (error: NodeJS.ErrnoException) => done(error, []),
    );
  };
}
