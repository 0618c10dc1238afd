import { networkInterfaces } from 'node:os';
import { embeddedIpv4 } from '../../shared/address/embedded-ipv4.ts';
import { type Lookup, systemLookup } from './lookup.ts';

export type OwnListeners = ReturnType<typeof createOwnListeners>;

/** Recognizes the listeners of SecureProxy and KeyServer, so that no call can be directed at them. */
export function createOwnListeners(keyserverUrls: readonly URL[], lookup: Lookup = systemLookup) {
  const ports = new Set<number>();
  const lastKnown = new Map<string, readonly string[]>();
  const addressesOf = async (hostname: string) => {
    try {
      const found = await lookup(hostname);
      lastKnown.set(hostname, found);
      return found;
    } catch (error) {
      // Fail closed: a failing resolver must not open the way to KeyServer's last known addresses.
      const known = lastKnown.get(hostname);
      if (known === undefined) throw error;
      return known;
    }
  };
  return {
    add: (port: number) => void ports.add(port),
    /**
     * True if the address and port are this service's or KeyServer's.
     * @throws the resolver's error if KeyServer's name has never resolved
     */
    includes: async (address: string, port: number): Promise<boolean> => {
      const reached = [address, ...embeddedIpv4(address)];
      const isLocal = reached.some(isLocalAddress);
      if (ports.has(port) && isLocal) return true;
      for (const { hostname } of keyserverUrls.filter((url) => portOf(url) === port)) {
        const found = await addressesOf(hostname.replace(/[[\]]/g, ''));
        // A local KeyServer may listen on every local address.
        if (found.some((one) => reached.includes(one) || (isLocal && isLocalAddress(one))))
          return true;
      }
      return false;
    },
  };
}

export function portOf({ port, protocol }: URL): number {
  return Number(port || (protocol === 'https:' ? 443 : 80));
}

function isLocalAddress(address: string): boolean {
  if (/^127\.|^0\.|^::1?$/.test(address)) return true;
  return Object.values(networkInterfaces()).some((list) =>
    list?.some((entry) => entry.address === address),
  );
}
