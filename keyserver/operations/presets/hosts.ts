import { destinationCovers } from '../../../shared/policy/destination-cover.ts';
import type { Policy } from '../../../shared/policy/schema.ts';
import type { Auth, Certainty, Preset } from '../../presets/preset.ts';
import { OperationError } from '../operation-error.ts';
import { ifParsed } from '../policy/if-parsed.ts';
import { findAuth, findPreset } from './find.ts';

type Host = Preset['hosts'][number];

/** Nobody has seen these hosts serve the API: they could be anybody's. */
const unsure: ReadonlySet<Certainty> = new Set(['unverified', 'inferred', 'unknown']);

/** `{shop}` of a host stands for one label, as the `*` of a destination does. */
const label = '{shop}';

/** The hosts that tokens of a preset go to. */
export function hostsOf(preset: Preset, auth: Auth, sandbox: boolean) {
  const hosts = preset.hosts.filter(
    (host) =>
      host.is === (sandbox ? 'sandbox' : 'production') &&
      (host.auth === undefined || host.auth.includes(auth.id)),
  );
  const sure = hosts.filter(({ certainty }) => !unsure.has(certainty));
  const isPattern = ({ host }: Host) => host.includes(label);
  return {
    destinations: sure.filter((host) => !isPattern(host)).map(destinationOf),
    /** With `*` for the label that each account has of its own. */
    patterns: sure.filter(isPattern).map(destinationOf),
    /** They get no token. */
    unverified: hosts.filter(({ certainty }) => unsure.has(certainty)).map(({ host }) => host),
  };
}

function destinationOf({ host, path = '' }: Host): string {
  return `https://${host.replace(label, '*')}${path}`;
}

/** Destinations that lie outside of the preset's; none if every account has a host of its own. */
function widening(
  { destinations, patterns }: ReturnType<typeof hostsOf>,
  given: readonly string[],
): string[] {
  const allowed = [...destinations, ...patterns];
  if (allowed.length === 0) return [];
  return given.filter((one) => !allowed.some((other) => covers(other, one)));
}

/** A destination that does not parse is a fault of the policy, which is reported later. */
function covers(destination: string, given: string): boolean {
  return (
    isUnder(destination, given) || ifParsed(false, () => destinationCovers(destination, given))
  );
}

/** The public suffix of a shop's host may carry no wildcard, so the pattern does not parse as a destination. */
function isUnder(pattern: string, given: string): boolean {
  const [start = '', end] = pattern.split('*.');
  if (end === undefined || !given.startsWith(start)) return false;
  const [host = ''] = given.slice(start.length).split('/');
  const [first = '', ...rest] = host.split('.');
  return /^[a-z0-9-]+$/.test(first) && rest.join('.') === end;
}

/** Those of the destinations that are no hosts of the preset that a type was made of. */
export function outsideOf(
  { id, auth, sandbox }: NonNullable<Policy['preset']>,
  destinations: readonly string[],
): string[] {
  try {
    const preset = findPreset(id);
    return widening(hostsOf(preset, findAuth(preset, auth), sandbox === true), destinations);
  } catch (error) {
    // A preset of another version: nobody has verified a host of it.
    if (error instanceof OperationError) return [...destinations];
    throw error;
  }
}
