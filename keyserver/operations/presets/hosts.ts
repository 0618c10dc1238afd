import { destinationCovers } from '../../../shared/policy/destination-cover.ts';
import { PolicyError } from '../../../shared/policy/policy-error.ts';
import type { Auth, Certainty, Preset } from '../../presets/preset.ts';

type Host = Preset['hosts'][number];

/** Nobody has seen these hosts serve the API: they could be anybody's. */
const unsure: ReadonlySet<Certainty> = new Set(['unverified', 'inferred', 'unknown']);

/** `{shop}` of a host stands for one label, as the `*` of a destination does. */
const label = '{shop}';

interface PresetHosts {
  readonly destinations: readonly string[];
  /** With `*` for the label that each account has of its own. */
  readonly patterns: readonly string[];
  /** Hosts of this kind that get no token, since nobody verified them. */
  readonly unverified: readonly string[];
}

/** The hosts that tokens of a preset go to. */
export function hostsOf(preset: Preset, auth: Auth, sandbox: boolean): PresetHosts {
  const hosts = preset.hosts.filter(
    (host) =>
      host.is === (sandbox ? 'sandbox' : 'production') &&
      (host.auth === undefined || host.auth.includes(auth.id)),
  );
  const sure = hosts.filter(({ certainty }) => !unsure.has(certainty));
  const isPattern = ({ host }: Host) => host.includes(label);
  return {
    destinations: sure.filter((host) => !isPattern(host)).map(destinationOf),
    patterns: sure.filter(isPattern).map(destinationOf),
    unverified: hosts.filter(({ certainty }) => unsure.has(certainty)).map(({ host }) => host),
  };
}

function destinationOf({ host, path = '' }: Host): string {
  return `https://${host.replace(label, '*')}${path}`;
}

/** Destinations that lie outside of the preset's; none if every account has a host of its own. */
export function widening(
  { destinations, patterns }: PresetHosts,
  given: readonly string[],
): string[] {
  const allowed = [...destinations, ...patterns];
  if (allowed.length === 0) return [];
  return given.filter((one) => !allowed.some((other) => covers(other, one)));
}

/** A destination that does not parse is a fault of the policy, which is reported later. */
function covers(destination: string, given: string): boolean {
  try {
    return isUnder(destination, given) || destinationCovers(destination, given);
  } catch (error) {
    if (error instanceof PolicyError) return false;
    throw error;
  }
}

/** The public suffix of a shop's host may carry no wildcard, so the pattern does not parse as a destination. */
function isUnder(pattern: string, given: string): boolean {
  const [start = '', end] = pattern.split('*.');
  if (end === undefined || !given.startsWith(start)) return false;
  const [host = ''] = given.slice(start.length).split('/');
  const [first = '', ...rest] = host.split('.');
  return /^[a-z0-9-]+$/.test(first) && rest.join('.') === end;
}
