import { addressSet, familyOf } from '../../../shared/address/address-set.ts';
import { addressVerdict } from '../../../shared/address/address-verdict.ts';
import { hostAddress } from '../../../shared/address/host-address.ts';
import { destinationsOf } from '../../../shared/policy/destination.ts';
import type { Policy } from '../../../shared/policy/schema.ts';
import { ifParsed } from './if-parsed.ts';

/**
 * A sentence for each destination, plain ones too, whose host is an address that SecureProxy refuses to connect to, with
 * the CIDR block if the type may allow it. Names are left to SecureProxy; none if the policy cannot be parsed.
 */
export function addressFaults(policy: Policy) {
  const { destinations, plainDestinations = [], unsafeAllowPrivate = [] } = policy;
  const texts = [...destinations, ...plainDestinations];
  return ifParsed([], () => {
    const allowed = addressSet(unsafeAllowPrivate);
    const parsed = destinationsOf(texts);
    return texts.flatMap((text, i) => addressFault(text, parsed[i]?.hostname ?? '', allowed));
  });
}

function addressFault(
  destination: string,
  hostname: string,
  allowed: ReturnType<typeof addressSet>,
) {
  const address = hostAddress(hostname);
  const verdict = address === undefined ? undefined : addressVerdict(address, allowed);
  if (address === undefined || verdict === undefined) return [];
  const block = `${address}/${familyOf(address) === 'ipv4' ? 32 : 128}`;
  const isAllowable = addressVerdict(address, addressSet([block])) === undefined;
  const name = `destination ${JSON.stringify(destination)} is an address`;
  return [
    isAllowable
      ? {
          sentence: `${name} that calls do not go to (${verdict}; unsafeAllowPrivate ${block} allows it)`,
          block,
        }
      : { sentence: `${name} that no call ever goes to (${verdict})`, block: undefined },
  ];
}
