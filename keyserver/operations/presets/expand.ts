import { judgeDestination } from '../../../shared/policy/destination.ts';
import { injectionFields } from '../../../shared/policy/injection/injection.ts';
import type { Injection } from '../../../shared/policy/injection/schema.ts';
import type { Policy, Probe, RoutedBy } from '../../../shared/policy/schema.ts';
import { parseTargetUrl } from '../../../shared/policy/url.ts';
import type { Auth, Preset } from '../../presets/preset.ts';
import { inputInvalid, type OperationError } from '../operation-error.ts';
import { ifParsed } from '../policy/if-parsed.ts';
import { findAuth } from './find.ts';
import { hostsOf } from './hosts.ts';
import { needTable, unmetNeed } from './needs.ts';

export interface PresetChoice {
  /** Default: the preset's first way to authenticate. */
  readonly auth?: string | undefined;
  readonly sandbox?: boolean | undefined;
  /** Something else renews the access token and stores it. */
  readonly renewedElsewhere?: boolean | undefined;
  /** In place of the preset's. */
  readonly destinations?: readonly string[] | undefined;
  readonly injection?: Injection | undefined;
}

/**
 * The policy of a preset under an operator's choice, which is not checked yet, with remarks for the operator.
 * @throws OperationError input_invalid if this version cannot serve it, or a choice is missing
 */
export function expandPreset(preset: Preset, choice: PresetChoice) {
  const auth = findAuth(preset, choice.auth);
  const injection = servedInjection(preset, auth, choice);
  const { sandbox = false } = choice;
  const { destinations, patterns, unverified } = hostsOf(preset, auth, sandbox);
  if (sandbox && destinations.length + patterns.length === 0) {
    throw inputInvalid(
      `the preset ${preset.id} knows no sandbox`,
      "leave it out, and name the sandbox's host as a destination if there is one",
    );
  }
  const used = choice.destinations ?? destinations;
  if (used.length === 0) throw hostMissing(preset, patterns);
  const publicFields = Object.entries(auth.fields).flatMap(([name, { isPublic }]) =>
    isPublic ? [name] : [],
  );
  const probe = probeOf(preset, auth, used);
  const limits = preset.limits.map(({ limit }) => limit).filter((limit) => limit !== undefined);
  const policy: Policy = {
    destinations: [...used],
    injection,
    ...(choice.injection === undefined && publicFields.length > 0 && { publicFields }),
    ...(probe && { probe }),
    ...(limits.length > 0 && { limits }),
    ...(preset.signals.bodies && { limitSignal: { bodies: preset.signals.bodies } }),
    ...(preset.routedBy && { routedBy: routedByOf(preset.routedBy) }),
    ...dropsOf(preset, auth),
    ...(preset.errors && { errorBody: preset.errors.body }),
    ...tokenEndpoints(preset, auth, used, sandbox),
    preset: {
      id: preset.id,
      revision: preset.revision,
      auth: auth.id,
      ...(sandbox && { sandbox }),
    },
  };
  return { policy, remarks: remarksOf(preset, auth, choice, unverified) };
}

function routedByOf({ certainty, from, ...members }: NonNullable<Preset['routedBy']>): RoutedBy {
  return members;
}

/** Of a way that calls need a signature for, only the app can sign, whose own parts must pass. */
function dropsOf(
  { drops }: Preset,
  { needs = [] }: Auth,
): Pick<Policy, 'dropQuery' | 'dropHeaders'> {
  if (drops === undefined || needs.includes('signing')) return {};
  const { query, headers } = drops;
  return { ...(query && { dropQuery: query }), ...(headers && { dropHeaders: headers }) };
}

/** @throws OperationError input_invalid if a need of the preset is not met */
function servedInjection(preset: Preset, auth: Auth, choice: PresetChoice): Injection {
  const unmet = unmetNeed(auth.needs ?? [], choice);
  const injection = choice.injection ?? auth.injection;
  if (unmet === undefined && injection !== undefined) return injection;
  const { text, suggestion } = needTable[unmet ?? 'injection'];
  throw inputInvalid(
    `the preset ${preset.id} cannot be served yet by ${auth.id}: ${text}`,
    suggestion,
  );
}

function hostMissing(preset: Preset, patterns: readonly string[]): OperationError {
  return inputInvalid(
    `every account of ${preset.name} has a host of its own, so the type needs a destination`,
    { do: 'give_destination', origin: patterns[0]?.replace('*', 'NAME') ?? 'https://…' },
  );
}

/** At the probe's own host if that is a destination, else at the first one that is a single host. */
function probeOf(
  { probe }: Preset,
  { id }: Auth,
  destinations: readonly string[],
): Probe | undefined {
  if (probe === undefined || !(probe.auth?.includes(id) ?? true)) return undefined;
  const own = destinations.find((one) => one === `https://${probe.host}`);
  const single = destinations.find((one) => !one.includes('*'));
  const origin = URL.parse(own ?? single ?? '')?.origin;
  if (origin === undefined || !reaches(destinations, origin + probe.path)) return undefined;
  const { method, path, headers, body, meanings } = probe;
  return {
    method,
    url: origin + path,
    ...(headers && { headers }),
    ...(body !== undefined && { body }),
    ...(meanings && { meanings }),
  };
}

/** False also if a destination does not parse, which is reported later. */
function reaches(destinations: readonly string[], url: string): boolean {
  const parsed = parseTargetUrl(url);
  const policy = { destinations: [...destinations], unsafePlaintext: true };
  return parsed.allowed && ifParsed(false, () => judgeDestination(policy, parsed.value).allowed);
}

function remarksOf(
  preset: Preset,
  auth: Auth,
  { renewedElsewhere, injection }: PresetChoice,
  unverified: readonly string[],
): string[] {
  const isRenewed = auth.needs?.includes('renewal') === true && renewedElsewhere === true;
  return [
    ...(unverified.length === 0
      ? []
      : [`nobody has verified ${unverified.join(', ')}, so no token goes there`]),
    ...(isRenewed
      ? [`store a new access token before the old one ends: ${lowerFirst(preset.expiry.text)}`]
      : []),
    ...(injection === undefined ? [fieldsRemark(auth)] : []),
  ];
}

function fieldsRemark({ fields, injection }: Auth): string {
  const injected = injection && injectionFields(injection);
  const texts = Object.entries(fields)
    .filter(([name]) => injected?.has(name))
    .map(([name, { what }]) => `${name} (${what})`);
  return `its secret has ${texts.join(', ')}`;
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}

/**
 * The token endpoints of a type of a preset. One at a host of the API is one at each destination of the type, since an
 * SDK that is pointed there asks there, too.
 */
function tokenEndpoints(
  { hosts }: Preset,
  { oauth }: Auth,
  destinations: readonly string[],
  sandbox: boolean,
): Pick<Policy, 'tokenEndpoints'> {
  const { tokenUrl, refreshUrl } = oauth ?? {};
  const urls = [tokenUrl, refreshUrl].filter((url) => url !== undefined);
  const origins = destinations
    .filter((one) => !one.includes('*'))
    .flatMap((one) => URL.parse(one)?.origin ?? []);
  const endpoints = urls.flatMap((url) => {
    const [, host = '', path = ''] = /^https:\/\/([^/]+)(\/.*)$/.exec(url) ?? [];
    const isOfApi = hosts.some((one) => one.is === 'production' && one.host === host);
    return [
      ...(isOfApi ? origins.map((origin) => origin + path) : []),
      ...(host.includes('{') || (isOfApi && sandbox) ? [] : [url]),
    ];
  });
  return endpoints.length === 0 ? {} : { tokenEndpoints: [...new Set(endpoints)] };
}
