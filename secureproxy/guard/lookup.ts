import { lookup as getaddrinfo } from 'node:dns/promises';

/** Resolves a name to all its addresses, at least one. */
export type Lookup = (hostname: string) => Promise<readonly string[]>;

/**
 * libuv runs getaddrinfo on half of its threads, of which main.ts wants 64; the others are left for
 * KeyServer's name.
 */
export const maxSystemLookups = 28;

/** Asks the system's resolver: its hosts file, search domains and name services apply. */
export const systemLookup: Lookup = async (hostname) => {
  const found = await getaddrinfo(hostname, { all: true });
  return found.map(({ address }) => address);
};
