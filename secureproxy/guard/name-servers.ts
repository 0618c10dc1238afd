import { type LookupAddress, Resolver } from 'node:dns';
import type { Lookup } from './address-guard.ts';

const queryTimeoutMs = 2000;
const tries = 2;
/** Error codes of a name that has no address of the queried family. */
const noAddress = new Set(['ENODATA', 'ENOTFOUND']);

/**
 * Builds a lookup that queries only these servers (`address` or `address:port`), never the system's
 * resolver or its hosts file, and returns the addresses of both families.
 * @throws TypeError if a server is not an IP address
 */
export function lookupAt(servers: readonly string[]): Lookup {
  const resolver = new Resolver({ timeout: queryTimeoutMs, tries });
  resolver.setServers(servers);
  return (hostname, _options, done) => {
    const query = (family: 4 | 6) =>
      new Promise<LookupAddress[]>((resolve, reject) => {
        const settle = (error: NodeJS.ErrnoException | null, found: string[]) => {
          if (error === null) resolve(found.map((address) => ({ address, family })));
          else if (noAddress.has(error.code ?? '')) resolve([]);
          // The code that the system's resolver gives.
          else reject(Object.assign(error, { code: 'EAI_AGAIN' }));
        };
        if (family === 4) resolver.resolve4(hostname, settle);
        else resolver.resolve6(hostname, settle);
      });
    Promise.all([query(4), query(6)]).then(
      (found) => done(null, found.flat()),
      (error: NodeJS.ErrnoException) => done(error, []),
    );
  };
}
