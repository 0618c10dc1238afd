import { BlockList, isIP } from 'node:net';

/**
 * A set of addresses, a list for each family: one `BlockList` for both would match every IPv4
 * address with a block of mapped ones, and the other way about.
 */
export interface AddressSet {
  readonly ipv4: BlockList;
  readonly ipv6: BlockList;
}

/** Parses CIDR blocks. @throws RangeError naming the one that is none. */
export function addressSet(cidrs: readonly string[]): AddressSet {
  const set: AddressSet = { ipv4: new BlockList(), ipv6: new BlockList() };
  for (const cidr of cidrs) {
    const [address = '', bits = '', ...rest] = cidr.split('/');
    const family = familyOf(address);
    const prefix = Number(bits);
    const most = family === 'ipv4' ? 32 : 128;
    if (family === undefined || rest.length > 0 || !/^\d{1,3}$/.test(bits) || prefix > most) {
      throw new RangeError(`${JSON.stringify(cidr)} is not a CIDR block such as 10.0.0.0/8`);
    }
    set[family].addSubnet(address, prefix, family);
  }
  return set;
}

/** The family of an IP address; undefined for anything else, addresses with a zone too. */
export function familyOf(address: string): 'ipv4' | 'ipv6' | undefined {
  const family = address.includes('%') ? 0 : isIP(address);
  return family === 0 ? undefined : family === 4 ? 'ipv4' : 'ipv6';
}
