import { memoize } from '../../../shared/memoize.ts';
import { type Destination, parseDestination } from '../../../shared/policy/destination.ts';
import { injectedFields } from '../../../shared/policy/injection/injection.ts';
import type { Fields } from '../../../shared/policy/injection/template.ts';
import { PolicyError } from '../../../shared/policy/policy-error.ts';
import type { Policy } from '../../../shared/policy/schema.ts';
import { isGuessable } from '../../../shared/policy/secret-strength.ts';
import { type JwtClaims, readJwt } from './jwt.ts';
import { marketplaceOf, marketplaces } from './marketplaces.ts';
import {
  describeWildberries,
  isWildberries,
  wildberriesPreset,
  wildberriesWarnings,
} from './wildberries.ts';

/** Findings about a secret before it is used. No text of them has a value of the secret. */
export interface SecretReport {
  /** ISO 8601: when the first of its JWTs expires. */
  readonly expiresAt: string | undefined;
  /** The kind of the secret, if it says so. */
  readonly kind: string | undefined;
  /** Why it will probably not work, or could be guessed; each is a sentence. */
  readonly warnings: readonly string[];
}

/** Looks at the fields that a type injects and keeps secret. */
export function inspectSecret(policy: Policy, fields: Fields): SecretReport {
  const { publicFields = [] } = policy;
  const values = Object.entries(injectedFields(policy.injection, fields)).filter(
    ([name]) => !publicFields.includes(name),
  );
  const destinations = destinationsOf(policy);
  const jwts = values.map(([, value]) => readJwt(value)).filter((jwt) => jwt !== undefined);
  const wildberries = jwts.find(isWildberries);
  const ends = jwts.map(({ expiresAtMs }) => expiresAtMs).filter((end) => end !== undefined);
  return {
    expiresAt: ends.length === 0 ? undefined : new Date(Math.min(...ends)).toISOString(),
    kind: wildberries && describeWildberries(wildberries),
    warnings: [
      ...values.flatMap(([name, value]) => mixUps(name, value, destinations)),
      ...(wildberries === undefined ? [] : scopeWarnings(wildberries, destinations)),
      ...weakFields(policy, fields),
    ],
  };
}

/** Memoized, since an import asks for every row. Those that cannot be used are left out: doctor tells of them. */
const destinationsOf = memoize(({ destinations }: Policy): readonly Destination[] =>
  destinations.flatMap((text) => {
    try {
      return [parseDestination(text)];
    } catch (error) {
      if (error instanceof PolicyError) return [];
      throw error;
    }
  }),
);

function mixUps(name: string, value: string, destinations: readonly Destination[]): string[] {
  const own = marketplaces().find(({ isOwn }) => isOwn(value));
  const field = `the field ${JSON.stringify(name)}`;
  if (own !== undefined) {
    const others = destinations.filter((destination) => {
      const known = marketplaceOf(destination);
      return known !== undefined && known !== own;
    });
    return others.map(
      ({ hostname }) => `${field} looks like a secret of ${own.name}, but goes to ${hostname}`,
    );
  }
  return destinations.flatMap((destination) => {
    const marketplace = marketplaceOf(destination);
    const form = marketplace?.formOf(name);
    return marketplace === undefined || form === undefined || form.isMet(value)
      ? []
      : [
          `${field} is not ${form.name}, as secrets of ${marketplace.name} are, but goes to ${destination.hostname}`,
        ];
  });
}

/** Of single hosts alone: a wildcard has some that fit. */
function scopeWarnings(jwt: JwtClaims, destinations: readonly Destination[]): string[] {
  const hosts = destinations
    .filter(
      (destination) =>
        !destination.wildcard && marketplaceOf(destination)?.id === wildberriesPreset,
    )
    .map(({ hostname }) => hostname);
  return wildberriesWarnings(jwt, hosts);
}

/** A warning for each field that could be guessed; it must not tell anything about the value but this. */
export function weakFields(
  { publicFields = [] }: Pick<Policy, 'publicFields'>,
  fields: Fields,
): string[] {
  return Object.entries(fields)
    .filter(([field, value]) => !publicFields.includes(field) && isGuessable(value))
    .map(
      ([field]) =>
        `the field ${JSON.stringify(field)} is as short or regular as people make them up, and could be guessed: ` +
        'replace it by a generated secret, or if it is none, make it a public field of the type',
    );
}
