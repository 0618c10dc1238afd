import { lookup } from 'node:dns/promises';
import { networkInterfaces } from 'node:os';

/** Tells the pair's own listeners from other servers, so that no call can be turned back on them. */
export interface OwnListeners {
  /** Takes the port that this service listens on, once it is known. */
  add(port: number): void;
  /** True where the address and port are this service's or KeyServer's. */
  includes(address: string, port: number): Promise<boolean>;
}

/** @param keyserverUrls where KeyServer is reached */
export function createOwnListeners(keyserverUrls: readonly URL[]): OwnListeners {
  const ports = new Set<number>();
  return {
    add: (port) => ports.add(port),
    includes: async (address, port) => {
      if (ports.has(port) && isLocalAddress(address)) return true;
      const near = keyserverUrls.filter((url) => portOf(url) === port);
      for (const { hostname } of near) {
        if ((await resolve(hostname)).includes(address)) return true;
        // A loopback KeyServer answers on every loopback address that its listener covers.
        if (isLocalAddress(address) && (await resolve(hostname)).some(isLocalAddress)) return true;
      }
      return false;
    },
  };
}

function portOf({ port, protocol }: URL): number {
  return Number(port || (protocol === 'https:' ? 443 : 80));
}

function isLocalAddress(address: string): boolean {
  if (/^127\.|^0\.|^::1?$|^::ffff:127\./i.test(address)) return true;
  return Object.values(networkInterfaces()).some((list) =>
    list?.some((entry) => entry.address === address),
  );
}

async function resolve(hostname: string): Promise<string[]> {
  try {
    const found = await lookup(hostname.replace(/^\[|\]$/g, ''), { all: true });
    return found.map(({ address }) => address);
  } catch {
    return [];
  }
}
