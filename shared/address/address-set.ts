import { BlockList, isIP } from 'node:net';
import { PolicyError } from '../policy/policy-error.ts';

/**
 * A set of addresses with a list for each family: a `BlockList` for both would match every IPv4
 * address with a block of mapped addresses, and the reverse.
 */
export interface AddressSet {
  readonly ipv4: BlockList;
  readonly ipv6: BlockList;
}

/** Parses CIDR blocks. @throws PolicyError naming the text */
export function addressSet(cidrs: readonly string[]): AddressSet {
  const set: AddressSet = { ipv4: new BlockList(), ipv6: new BlockList() };
  for (const cidr of cidrs) {
    const [address = '', bits = '', ...rest] = cidr.split('/');
    const family = familyOf(address);
    const prefix = Number(bits);
    const maxPrefix = family === 'ipv4' ? 32 : 128;
    if (family === undefined || rest.length > 0 || !/^\d{1,3}$/.test(bits) || prefix > maxPrefix) {
      throw new PolicyError(`${JSON.stringify(cidr)} is not a CIDR block such as 10.0.0.0/8`);
    }
    set[family].addSubnet(address, prefix, family);
  }
  return set;
}

/** The family of an IP address; undefined for other text, including addresses with a zone. */
export function familyOf(address: string): 'ipv4' | 'ipv6' | undefined {
  const family = address.includes('%') ? 0 : isIP(address);
  return family === 0 ? undefined : family === 4 ? 'ipv4' : 'ipv6';
}
