import { ServiceError } from '../errors.ts';
import type { Injection } from './schema.ts';

const placeholder = /\{([A-Za-z0-9_.-]{1,64})\}/g;
// Field values go into headers: visible ASCII, with spaces and tabs only inside (RFC 9110 §5.5).
const headerSafe = /^[\x21-\x7e](?:[\x20-\x7e\t]*[\x21-\x7e])?$/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
const controls = /[\u0000-\u001f\u007f]/;

/** What an injection puts on a request: header fields, and query parameters to append. */
export interface Injected {
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly query: readonly (readonly [name: string, value: string])[];
}

/** An injection as headers and query parameters whose values are still templates; `basic` is apart, being encoded whole. */
function templates(injection: Injection): string[] {
  switch (injection.scheme) {
    case 'headers':
      return Object.values(injection.headers);
    case 'query':
      return Object.values(injection.query);
    case 'basic':
      return [injection.username, injection.password];
  }
}

/** The names of the fields that a secret must have for this injection. */
export function injectionFields(injection: Injection): Set<string> {
  const names = templates(injection).flatMap((template) =>
    [...template.matchAll(placeholder)].map((match) => match[1] as string),
  );
  return new Set(names);
}

/** Names of headers and query parameters, as a type spells them. */
export interface InjectedNames {
  readonly headers: string[];
  readonly query: string[];
}

/** The names of what the injection adds, which no caller may set, double or suppress. */
export function injectedNames(injection: Injection): InjectedNames {
  switch (injection.scheme) {
    case 'headers':
      return { headers: Object.keys(injection.headers), query: [] };
    case 'query':
      return { headers: [], query: Object.keys(injection.query) };
    case 'basic':
      return { headers: ['authorization'], query: [] };
  }
}

/** @throws ServiceError integrity_failed where the fields do not fit: see {@link fieldsFault} */
export function checkFields(injection: Injection, fields: Readonly<Record<string, string>>): void {
  const fault = fieldsFault(injection, fields);
  if (fault === undefined) return;
  throw new ServiceError('integrity_failed', {
    reason: 'fields',
    detail: `The stored token cannot be injected: ${fault}.`,
  });
}

/**
 * Why these fields do not fit the injection, as a sentence without any value; undefined where they do.
 * A line break in a stored token would otherwise become a header of its own.
 */
export function fieldsFault(
  injection: Injection,
  fields: Readonly<Record<string, string>>,
): string | undefined {
  for (const name of injectionFields(injection)) {
    const value = Object.hasOwn(fields, name) ? fields[name] : undefined;
    if (value === undefined)
      return `the secret has no field ${JSON.stringify(name)}, which the type injects`;
    if (injection.scheme === 'headers') {
      if (headerSafe.test(value)) continue;
      return `the field ${JSON.stringify(name)} is empty or has characters that no header can carry`;
    }
    if (controls.test(value) || !value.isWellFormed()) {
      return `the field ${JSON.stringify(name)} has a control character or is not well-formed Unicode`;
    }
  }
  // The plain text around the placeholders is held to the same.
  if (injection.scheme === 'headers') {
    const [name] =
      inject(injection, fields).headers.find(([, value]) => !headerSafe.test(value)) ?? [];
    if (name !== undefined)
      return `the value of the header ${name} has characters that no header can carry`;
  }
  if (injection.scheme === 'basic' && fill(injection.username, fields).includes(':')) {
    return 'the user name of a basic credential has a colon';
  }
  return undefined;
}

/** Fills the templates. Call {@link fieldsFault} first: a missing field is a programming error here. */
export function inject(injection: Injection, fields: Readonly<Record<string, string>>): Injected {
  const filled = (record: Readonly<Record<string, string>>) =>
    Object.entries(record).map(([name, template]) => [name, fill(template, fields)] as const);
  switch (injection.scheme) {
    case 'headers':
      return { headers: filled(injection.headers), query: [] };
    case 'query':
      return { headers: [], query: filled(injection.query) };
    case 'basic': {
      const pair = `${fill(injection.username, fields)}:${fill(injection.password, fields)}`;
      // RFC 7617 §2, with UTF-8.
      return {
        headers: [['authorization', `Basic ${Buffer.from(pair).toString('base64')}`]],
        query: [],
      };
    }
  }
}

function fill(template: string, fields: Readonly<Record<string, string>>): string {
  return template.replace(placeholder, (_, name: string) => {
    const value = Object.hasOwn(fields, name) ? fields[name] : undefined;
    if (value === undefined) throw new TypeError(`field ${name} is missing`);
    return value;
  });
}
