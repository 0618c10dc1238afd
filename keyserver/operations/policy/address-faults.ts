import { addressSet, familyOf } from '../../../shared/address/address-set.ts';
import { addressVerdict } from '../../../shared/address/address-verdict.ts';
import { hostAddress } from '../../../shared/address/host-address.ts';
import { destinationsOf } from '../../../shared/policy/destination.ts';
import { PolicyError } from '../../../shared/policy/policy-error.ts';
import type { Policy } from '../../../shared/policy/schema.ts';

/** A destination whose host is an address that SecureProxy refuses to connect to. Names are left to it. */
interface AddressFault {
  readonly sentence: string;
  /** The CIDR block of the address, if the type may allow it. */
  readonly block: string | undefined;
}

/** The destinations, plain ones too, of a policy that are such addresses; none if it cannot be parsed. */
export function addressFaults(policy: Policy): AddressFault[] {
  const { destinations, plainDestinations = [], unsafeAllowPrivate = [] } = policy;
  try {
    const allowed = addressSet(unsafeAllowPrivate);
    const texts = [...destinations, ...plainDestinations];
    const parsed = destinationsOf(texts);
    return texts.flatMap((text, i) => addressFault(text, parsed[i]?.hostname ?? '', allowed));
  } catch (error) {
    if (error instanceof PolicyError) return [];
    throw error;
  }
}

function addressFault(
  destination: string,
  hostname: string,
  allowed: ReturnType<typeof addressSet>,
): AddressFault[] {
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
