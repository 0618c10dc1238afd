import { Compile } from 'typebox/compile';
import { hopByHopHeaders, messageHeaders } from '../../shared/http/header-names.ts';
import { addressSet } from '../../shared/policy/address-set.ts';
import { parseDestination } from '../../shared/policy/destination.ts';
import { fieldsFault, inject, injectionFields } from '../../shared/policy/injection.ts';
import { type Injection, type Policy, PolicySchema } from '../../shared/policy/schema.ts';

/** Injecting one of these would break the request, or it would be dropped. */
const uninjectable = new Set<string>([...hopByHopHeaders, ...messageHeaders]);

const validator = Compile(PolicySchema);

/** The faults of a policy, a sentence each; empty if it can be used. */
export function policyFaults(policy: Policy): string[] {
  return [
    ...destinationFaults(policy),
    ...(policy.unsafeAllowPrivate ?? []).flatMap(cidrFaults),
    ...injectionFaults(policy.injection),
    ...(injectionFields(policy.injection).size === 0
      ? ['no template has a placeholder such as {token}, so no token would be sent']
      : []),
    ...publicFaults(policy),
    // Only lengths and ranges are left to the schema, whose own sentences suffice.
    ...[...validator.Errors(policy)].map(
      ({ instancePath, message }) => `${instancePath.slice(1).replaceAll('/', ' ')} ${message}`,
    ),
  ];
}

function publicFaults({ injection, publicFields = [] }: Policy): string[] {
  const injected = [...injectionFields(injection)];
  return [
    ...publicFields
      .filter((name) => !isFieldName(name))
      .map((name) => `public field ${JSON.stringify(name)} is not a valid field name`),
    ...(injected.length > 0 && injected.every((name) => publicFields.includes(name))
      ? ['every injected field is public, so responses would be scrubbed of none of them']
      : []),
  ];
}

function destinationFaults({ destinations, unsafePlaintext }: Policy): string[] {
  return destinations.flatMap((text) => {
    try {
      const { protocol } = parseDestination(text);
      if (protocol === 'https:' || unsafePlaintext) return [];
    } catch (error) {
      if (error instanceof RangeError) return [error.message];
      throw error;
    }
    return [
      `destination ${JSON.stringify(text)} is not https, so the token would cross the network in clear (unsafePlaintext allows it)`,
    ];
  });
}

function cidrFaults(text: string): string[] {
  try {
    addressSet([text]);
  } catch (error) {
    if (error instanceof RangeError) return [error.message];
    throw error;
  }
  return /\/0+$/.test(text) ? [`the CIDR block ${text} would allow every address`] : [];
}

function injectionFaults(injection: Injection): string[] {
  switch (injection.scheme) {
    case 'headers':
      return headerFaults(Object.entries(injection.headers));
    case 'query':
      return Object.entries(injection.query).flatMap(([name, template]) =>
        templateFaults(`query parameter ${JSON.stringify(name)}`, template),
      );
    case 'basic':
      return [
        ...templateFaults('basic user name', injection.username),
        ...templateFaults('basic password', injection.password),
      ];
  }
}

function headerFaults(headers: readonly (readonly [string, string])[]): string[] {
  const seen = new Set<string>();
  return headers.flatMap(([name, template]) => {
    const what = `header ${JSON.stringify(name)}`;
    const faults = templateFaults(what, template);
    const key = name.toLowerCase();
    if (uninjectable.has(key))
      faults.push(`${what} belongs to the connection: it cannot be injected`);
    if (seen.has(key)) faults.push(`${what} occurs twice: header names ignore case`);
    seen.add(key);
    if (!isHeaderValue(filled(template, 'x'))) {
      faults.push(`${what} has a template with characters that a header cannot carry`);
    }
    return faults;
  });
}

function templateFaults(what: string, template: string): string[] {
  if (/[{}]/.test(filled(template, ''))) {
    return [
      `${what} has a template with a brace outside a placeholder: placeholders are {field}, with letters, digits, _ . -`,
    ];
  }
  return [];
}

/** The template with every placeholder replaced by `value`. */
function filled(template: string, value: string): string {
  const injection: Injection = { scheme: 'headers', headers: { x: template } };
  const fields = Object.fromEntries([...injectionFields(injection)].map((name) => [name, value]));
  return inject(injection, fields)
    .headers.map(([, text]) => text)
    .join('');
}

function isHeaderValue(text: string): boolean {
  return (
    fieldsFault({ scheme: 'headers', headers: { x: '{value}' } }, { value: text }) === undefined
  );
}

/** True if a placeholder can have this name. */
export function isFieldName(name: string): boolean {
  return injectionFields({ scheme: 'headers', headers: { x: `{${name}}` } }).has(name);
}
