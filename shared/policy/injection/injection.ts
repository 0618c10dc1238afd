import { ServiceError } from '../../errors.ts';
import { memoize } from '../../memoize.ts';
import type { Injection } from './schema.ts';
import type { InjectedNames, PreparedInjection, Scheme } from './scheme.ts';
import { schemes } from './schemes.ts';
import { type Fields, fieldOf, hasStrayBrace, placeholders } from './template.ts';

const schemesByName: ReadonlyMap<string, Scheme> = new Map(
  schemes.map((scheme) => [scheme.schema.properties.scheme.const, scheme]),
);

/** @throws TypeError for an injection that is not of the schema */
function schemeOf({ scheme: name }: Injection): Scheme {
  const scheme = schemesByName.get(name);
  if (scheme === undefined) throw new TypeError(`no injection scheme is called ${name}`);
  return scheme;
}

/** Memoized, since an injection serves many releases. */
export const injectionFields = memoize((injection: Injection): ReadonlySet<string> => {
  const templates = schemeOf(injection).templates(injection);
  return new Set(templates.flatMap(({ text }) => placeholders(text)));
});

/** The fields of a secret that the injection puts on a request, as far as the secret has them. */
export function injectedFields(injection: Injection, fields: Fields): Record<string, string> {
  const entries = [...injectionFields(injection)].map((name) => [name, fieldOf(fields, name)]);
  return Object.fromEntries(entries.filter(([, value]) => value !== undefined));
}

export function injectedNames(injection: Injection): InjectedNames {
  return schemeOf(injection).names(injection);
}

export function describeInjection(injection: Injection): string {
  return schemeOf(injection).describe(injection);
}

/** Faults of an injection whatever the secret, a sentence each. */
export function injectionFaults(injection: Injection): string[] {
  const scheme = schemeOf(injection);
  const standIns = Object.fromEntries([...injectionFields(injection)].map((name) => [name, 'x']));
  return [
    ...scheme
      .templates(injection)
      .filter(({ text }) => hasStrayBrace(text))
      .map(
        ({ place }) =>
          `${place} has a template with a brace outside a placeholder: placeholders are {field}, with letters, digits, _ . -`,
      ),
    ...scheme.faults(injection, standIns),
  ];
}

/**
 * Why these fields do not fit the injection, as a sentence without any value; undefined if they do.
 * Without this check a line break in a stored token would begin another header.
 */
export function fieldsFault(injection: Injection, fields: Fields): string | undefined {
  const scheme = schemeOf(injection);
  for (const name of injectionFields(injection)) {
    const value = fieldOf(fields, name);
    if (value === undefined)
      return `the secret has no field ${JSON.stringify(name)}, which the type injects`;
    const fault = scheme.valueFault(value);
    if (fault !== undefined) return `the field ${JSON.stringify(name)} ${fault}`;
  }
  return scheme.faults(injection, fields)[0];
}

/** @throws ServiceError integrity_failed if the fields do not fit: see {@link fieldsFault} */
export function checkFields(injection: Injection, fields: Fields): void {
  const fault = fieldsFault(injection, fields);
  if (fault === undefined) return;
  throw new ServiceError('integrity_failed', {
    reason: 'fields',
    detail: `The stored token cannot be injected: ${fault}.`,
  });
}

/** Prepares the injection of a secret, to be kept with it. @throws ServiceError as {@link checkFields} */
export function prepareInjection(injection: Injection, fields: Fields): PreparedInjection {
  checkFields(injection, fields);
  return schemeOf(injection).inject(injection, fields);
}

/**
 * The texts that answers are searched for: every field that is not public, and the scheme's own
 * secrets, unless it injects public fields only. The fields fit the injection.
 */
export function secretTexts(
  injection: Injection,
  fields: Fields,
  publicFields: readonly string[] = [],
): string[] {
  const isSecret = (name: string) => !publicFields.includes(name);
  const secrets = Object.entries(fields)
    .filter(([name]) => isSecret(name))
    .map(([, value]) => value);
  if (![...injectionFields(injection)].some(isSecret)) return secrets;
  return [...secrets, ...schemeOf(injection).secrets(injection, fields)];
}
