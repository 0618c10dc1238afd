import { addressSet } from '../../../shared/address/address-set.ts';
import { hopByHopHeaders, messageHeaders } from '../../../shared/http/header-names.ts';
import { errorBodyFaults } from '../../../shared/policy/answers/error-body.ts';
import { parseRequest } from '../../../shared/policy/decide.ts';
import { judgeDestination, parseDestination } from '../../../shared/policy/destination.ts';
import { destinationCovers } from '../../../shared/policy/destination-cover.ts';
import {
  injectedNames,
  injectionFaults,
  injectionFields,
} from '../../../shared/policy/injection/injection.ts';
import { isFieldName } from '../../../shared/policy/injection/template.ts';
import { isHeaderValue } from '../../../shared/policy/injection/values.ts';
import { parseLimit } from '../../../shared/policy/limit.ts';
import { PolicyError } from '../../../shared/policy/policy-error.ts';
import { type Policy, PolicySchema } from '../../../shared/policy/schema.ts';
import { parseTokenEndpoint } from '../../../shared/policy/token-endpoint.ts';
import { Compile } from '../../../shared/schema/compile.ts';
import { type ExpiryFinding, expiryFindings } from '../../../shared/tls/expiry.ts';
import { certificateBlocks, certificatesOf } from '../../../shared/tls/pem.ts';
import { addressFaults } from './address-faults.ts';

/** Injecting one of these would break the request, or it would be dropped. */
const uninjectable = new Set<string>([...hopByHopHeaders, ...messageHeaders]);

const validator = Compile(PolicySchema);

/** The faults of a policy, a sentence each; empty if it can be used. */
export function policyFaults(policy: Policy): string[] {
  return [
    ...destinationFaults(policy),
    ...plainFaults(policy),
    ...(policy.unsafeAllowPrivate ?? []).flatMap(cidrFaults),
    ...addressFaults(policy).map(({ sentence }) => sentence),
    ...injectionFaults(policy.injection),
    ...headerFaults(injectedNames(policy.injection).headers),
    ...(injectionFields(policy.injection).size === 0
      ? ['no template has a placeholder such as {token}, so no token would be sent']
      : []),
    ...publicFaults(policy),
    ...caFaults(policy),
    ...tokenEndpointFaults(policy),
    ...probeFaults(policy),
    ...limitFaults(policy),
    ...(policy.errorBody ? errorBodyFaults(policy.errorBody) : []),
    // Only lengths and ranges are left to the schema, whose own sentences suffice.
    ...validator
      .Errors(policy)
      .map(
        ({ instancePath, message }) => `${instancePath.slice(1).replaceAll('/', ' ')} ${message}`,
      ),
  ];
}

/** Certificates of a type's CA that are not valid now, or not for long. */
export function caExpiry(id: string, { ca }: Pick<Policy, 'ca'>, nowMs: number): ExpiryFinding[] {
  if (ca === undefined) return [];
  return expiryFindings({ name: `the type ${JSON.stringify(id)}`, pem: ca }, nowMs);
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

/** A probe must go to a destination, since the proxy would refuse it elsewhere. */
function probeFaults({ probe, ...policy }: Policy): string[] {
  if (probe === undefined) return [];
  const faults = [...destinationFaults(policy), ...tokenEndpointFaults(policy)];
  const parsed = parseRequest(probe);
  const judged =
    parsed.allowed && faults.length === 0
      ? judgeDestination({ ...policy, plainDestinations: [] }, parsed.value)
      : parsed;
  return [
    ...(judged.allowed ? [] : [`the probe ${probe.method} ${probe.url}: ${judged.detail}`]),
    ...(judged.allowed && 'isTokenEndpoint' in judged.value && judged.value.isTokenEndpoint
      ? ['the probe goes to a token endpoint, where the proxy answers itself']
      : []),
    ...Object.entries(probe.headers ?? {})
      .filter(([, value]) => !isHeaderValue(value))
      .map(([name]) => `the probe's header ${JSON.stringify(name)} cannot be sent`),
    ...(probe.body !== undefined && withoutBody.has(probe.method)
      ? [`the probe has a body, which ${probe.method} does not`]
      : []),
  ];
}

const withoutBody: ReadonlySet<string> = new Set(['GET', 'HEAD']);

function destinationFaults({
  destinations,
  unsafePlaintext,
}: Pick<Policy, 'destinations' | 'unsafePlaintext'>): string[] {
  return destinations.flatMap((text) => {
    let protocol = 'https:';
    const faults = policyErrors(() => {
      protocol = parseDestination(text).protocol;
    });
    if (protocol === 'https:' || unsafePlaintext) return faults;
    return [
      `destination ${JSON.stringify(text)} is not https, so calls would cross the network in clear (unsafePlaintext allows it)`,
    ];
  });
}

/** Nothing is sent there, but SDKs that took the app key to it in clear would betray it. */
function tokenEndpointFaults({ tokenEndpoints = [], unsafePlaintext }: Policy): string[] {
  return tokenEndpoints.flatMap((text) => {
    const faults = policyErrors(() => parseTokenEndpoint(text));
    // Unlike a destination's, it would stand for no host at all.
    if (/^https?:\/\/[^/]*\*/.test(text)) {
      faults.push(`token endpoint ${JSON.stringify(text)} may not have a * in its host`);
    }
    if (faults.length > 0 || unsafePlaintext || text.startsWith('https:')) return faults;
    return [`token endpoint ${JSON.stringify(text)} is not https (unsafePlaintext allows it)`];
  });
}

/** A plain destination inside one that gets the token would get it, too. */
function plainFaults({ plainDestinations = [], ...policy }: Policy): string[] {
  const faults = destinationFaults({ ...policy, destinations: plainDestinations });
  if (faults.length + destinationFaults(policy).length > 0) return faults;
  return plainDestinations
    .filter((plain) => policy.destinations.some((other) => destinationCovers(other, plain)))
    .map(
      (plain) =>
        `plain destination ${JSON.stringify(plain)} lies in a destination that tokens go to`,
    );
}

function limitFaults({ limits = [] }: Policy): string[] {
  const double = limits.find((text, at) => limits.indexOf(text) < at);
  return [
    ...limits.flatMap((text) => policyErrors(() => parseLimit(text))),
    ...(double === undefined ? [] : [`limit ${JSON.stringify(double)} occurs twice`]),
  ];
}

function policyErrors(parse: () => unknown): string[] {
  try {
    parse();
    return [];
  } catch (error) {
    if (error instanceof PolicyError) return [error.message];
    throw error;
  }
}

function cidrFaults(text: string): string[] {
  const faults = policyErrors(() => addressSet([text]));
  if (faults.length > 0) return faults;
  return /\/0+$/.test(text) ? [`the CIDR block ${text} would allow every address`] : [];
}

function headerFaults(names: readonly string[]): string[] {
  const seen = new Set<string>();
  return names.flatMap((name) => {
    const header = `header ${JSON.stringify(name)}`;
    const key = name.toLowerCase();
    const faults = [
      ...(uninjectable.has(key)
        ? [`${header} belongs to the connection: it cannot be injected`]
        : []),
      ...(seen.has(key) ? [`${header} occurs twice: header names ignore case`] : []),
    ];
    seen.add(key);
    return faults;
  });
}

/** The faults of a policy's CA, a sentence each: it is stored and sent to proxies, so it holds certificates alone. */
function caFaults({ ca }: Pick<Policy, 'ca'>): string[] {
  if (ca === undefined) return [];
  const blocks = certificateBlocks(ca);
  const rest = blocks.reduce((text, block) => text.replace(block, ''), ca);
  if (blocks.length === 0 || rest.trim() !== '') {
    return ['the CA must hold only certificates in PEM'];
  }
  try {
    certificatesOf(ca);
    return [];
  } catch {
    return ['the CA holds a certificate that cannot be read'];
  }
}
