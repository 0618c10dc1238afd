import { memoize } from '../../../shared/memoize.ts';
import { parseDestination } from '../../../shared/policy/destination.ts';
import { injectedFields } from '../../../shared/policy/injection/injection.ts';
import type { Fields } from '../../../shared/policy/injection/template.ts';
import type { Policy } from '../../../shared/policy/schema.ts';
import { isGuessable } from '../../../shared/policy/secret-strength.ts';
import { ifParsed } from '../policy/if-parsed.ts';
import { type JwtClaims, readJwt } from './jwt.ts';
import { type Marketplace, marketplaces, marketplacesOf } from './marketplaces.ts';
import { describeWildberries, isWildberries, wildberriesWarnings } from './wildberries.ts';

/**
 * Looks at the fields that a type injects and keeps secret: when the first of their JWTs expires (ISO 8601), the kind of
 * the secret if it says so, and warnings on why it will not work or could be guessed. No text has a value of the secret.
 */
export function inspectSecret(policy: Policy, fields: Fields) {
  const { publicFields = [] } = policy;
  const values = Object.entries(injectedFields(policy.injection, fields)).filter(
    ([name]) => !publicFields.includes(name),
  );
  const places = placesOf(policy);
  const jwts = values.map(([, value]) => readJwt(value)).filter((jwt) => jwt !== undefined);
  const wildberries = jwts.find(isWildberries);
  const ends = jwts.map(({ expiresAtMs }) => expiresAtMs).filter((end) => end !== undefined);
  return {
    expiresAt: ends.length === 0 ? undefined : new Date(Math.min(...ends)).toISOString(),
    kind: wildberries && describeWildberries(wildberries),
    warnings: [
      ...values.flatMap(([name, value]) => mixUps(name, value, places)),
      ...(wildberries === undefined ? [] : scopeWarnings(wildberries, places)),
      ...weakFields(policy, fields),
    ],
  };
}

interface Place {
  readonly hostname: string;
  readonly wildcard: boolean;
  /** Empty if none is known there. */
  readonly marketplaces: readonly Marketplace[];
}

/** Memoized, since an import asks for every row. Those that cannot be used are left out: doctor tells of them. */
const placesOf = memoize(({ destinations }: Policy): readonly Place[] =>
  destinations.flatMap((text) =>
    ifParsed([], () => {
      const destination = parseDestination(text);
      return [{ ...destination, marketplaces: marketplacesOf(destination) }];
    }),
  ),
);

function mixUps(name: string, value: string, places: readonly Place[]): string[] {
  const known = places.filter((place) => place.marketplaces.length > 0);
  const own = marketplaces().find(({ isOwn }) => isOwn?.(value));
  const field = `the field ${JSON.stringify(name)}`;
  if (own !== undefined) {
    const others = known.filter((place) => !place.marketplaces.includes(own));
    return eachOnce(others, () => `${field} looks like a secret of ${own.name}`);
  }
  return eachOnce(known, ({ marketplaces: [marketplace, ...others] }) => {
    const form = others.length === 0 ? marketplace?.formOf(name) : undefined;
    return form === undefined || form.isMet(value)
      ? undefined
      : `${field} is not ${form.name}, as secrets of ${marketplace?.name} are`;
  });
}

/** A finding with the first of its places: a marketplace has up to twenty hosts, and other findings would drown. */
function eachOnce(
  places: readonly Place[],
  findingAt: (place: Place) => string | undefined,
): string[] {
  return [...Map.groupBy(places, findingAt)].flatMap(([finding, [first, ...others]]) => {
    if (finding === undefined) return [];
    const also = others.length === 0 ? '' : `, as to ${others.length} more`;
    return [`${finding}, but goes to ${first?.hostname}${also}`];
  });
}

/** Of single hosts alone: a wildcard has some that fit. */
function scopeWarnings(jwt: JwtClaims, places: readonly Place[]): string[] {
  const { hosts = [] } = marketplaces().find(({ id }) => id === 'wildberries') ?? {};
  const single = places.filter(({ wildcard }) => !wildcard);
  return wildberriesWarnings(
    jwt,
    single.flatMap(({ hostname }) => hosts.filter(({ host }) => host === hostname)),
  );
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
