import { describeInjection } from '../../../../shared/policy/injection/injection.ts';
import { describeNeed } from '../../../operations/presets/needs.ts';
import type { Auth, Certainty, Preset } from '../../../presets/preset.ts';

/** A fact as text, code in backticks; `how` is its certainty and the numbers of its sources. */
export interface Fact {
  readonly text: string;
  readonly how?: string;
}

interface Source {
  readonly certainty: Certainty;
  readonly from: readonly number[];
}

/** All that a preset knows, for people: what to create at the marketplace first, its sources last. */
export function factsOf(preset: Preset) {
  const { create, hosts, auth, callerHeaders = [], limits, signals, expiry, probe } = preset;
  const { routedBy, drops, errors, sdks = [], notes, sources } = preset;
  const groups = [
    group('Create', [fact(create.text, create)]),
    ...auth.map((one, at) =>
      group(`\`--auth ${one.id}\`${at === 0 ? ', the default' : ''}`, authFacts(one)),
    ),
    group('Hosts', facts(hosts, hostText), 'every account has one of its own: `--destination`'),
    group(
      'The app sends',
      facts(callerHeaders, ({ name, value, why }) => `\`${name}\`: ${value}; ${why}`),
    ),
    group(
      'Limits',
      facts(limits, ({ text, limit }) => (limit ? `${text}; ${code(limit)}` : text)),
    ),
    group('A limit is reached', [fact(signalText(signals), signals)]),
    group('Expiry', [fact(expiry.text, expiry)]),
    group(
      'Probe',
      probe ? [fact(probeText(probe), probe)] : [],
      'none: `token check` needs one of yours (`type put --probe`)',
    ),
    group('Selects the operation', routedBy ? [fact(membersText(routedBy), routedBy)] : []),
    group('Signature of an SDK', drops ? [fact(membersText(drops), drops)] : []),
    group("The proxy's errors", errors ? [fact(code(JSON.stringify(errors.body)), errors)] : []),
    ...sdks.map((one) =>
      group(`${one.language}, ${one.name}`, [fact(one.lines.map(code).join(' '), one)]),
    ),
    group(
      'Notes',
      facts(notes, ({ text }) => text),
    ),
    group(
      'Sources',
      sources.map((text, at) => ({ text: `[${at + 1}] ${text}` })),
    ),
  ];
  return groups.filter(({ facts }) => facts.length > 0);
}

function authFacts(auth: Auth): Fact[] {
  const { injection, fields, needs = [], oauth, signing, note } = auth;
  return [
    fact(injection ? code(describeInjection(injection)) : 'nothing that is injected here', auth),
    ...[
      ...Object.entries(fields).map(
        ([name, { what, isPublic }]) => `\`${name}\` (${what}${isPublic ? '; not secret' : ''})`,
      ),
      ...needs.map(describeNeed),
      ...(oauth ? [oauthText(oauth)] : []),
      ...(signing ? [signingText(signing)] : []),
      ...(note ? [note] : []),
    ].map((text) => ({ text })),
  ];
}

function oauthText(oauth: NonNullable<Auth['oauth']>): string {
  const { tokenUrl, refreshUrl, authorizeUrl, grants, clientAuth, format, scope } = oauth;
  const { accessSeconds, refreshSeconds, rotation, reuse } = oauth;
  return [
    `tokens from \`${tokenUrl}\` (${grants.join(', ')}), where the proxy answers SDKs`,
    ...(refreshUrl ? [`renewed at \`${refreshUrl}\``] : []),
    ...(authorizeUrl ? [`consent at \`${authorizeUrl}\``] : []),
    `client: ${clientAuth}`,
    `format: ${format}`,
    ...(scope ? [`scope \`${scope}\``] : []),
    ...(accessSeconds ? [`an access token lives ${accessSeconds} s`] : []),
    ...(refreshSeconds ? [`a refresh token lives ${refreshSeconds} s`] : []),
    `rotation: ${rotation}`,
    ...(reuse ? [`reuse: ${reuse}`] : []),
  ].join(', ');
}

function signingText(signing: NonNullable<Auth['signing']>): string {
  const { algorithm, key, text, encoding, bodySigned, skewSeconds, parameters } = signing;
  return [
    `signature ${algorithm}, ${encoding}, by ${key}, of ${text}`,
    `the body is ${bodySigned ? '' : 'not '}signed`,
    ...(skewSeconds ? [`clocks may differ by ${skewSeconds} s`] : []),
    `sent as ${parameters.map(code).join(', ')}`,
  ].join(', ');
}

function hostText({ host, path = '', is, use, auth }: Preset['hosts'][number]): string {
  const only = auth === undefined ? '' : `, for ${auth.join(' and ')}`;
  return `\`${host}${path}\` (${is}${use ? `: ${use}` : ''}${only})`;
}

function signalText({ status, headers = {}, body, bodies = [] }: Preset['signals']): string {
  return [
    `status ${status.join(', ') || 'unknown'}`,
    ...Object.entries(headers).map(([name, what]) => `\`${name}\`: ${what}`),
    ...(body ? [body] : []),
    ...bodies.map((one) => `a type heeds ${code(one.contains)} with ${one.status}`),
  ].join('; ');
}

function probeText(probe: NonNullable<Preset['probe']>): string {
  const { method, host = '', path, auth, headers = {}, body, meanings = [] } = probe;
  return [
    `\`${method} ${host}${path}\`${auth ? ` for ${auth.join(' and ')}` : ''}`,
    ...Object.entries(headers).map((pair) => code(pair.join(': '))),
    ...(body ? [`body ${code(body)}`] : []),
    ...meanings.map(
      ({ status, contains, means }) =>
        `${status}${contains ? ` with "${contains}"` : ''} means ${means}`,
    ),
  ].join('; ');
}

/** `query rest_route, _method; the body`. */
function membersText(
  members: { readonly body?: true } & Readonly<
    Partial<Record<'query' | 'form' | 'headers', readonly string[]>>
  >,
): string {
  return (['query', 'form', 'headers'] as const)
    .flatMap((place) => (members[place] ? [`${place} ${members[place].map(code).join(', ')}`] : []))
    .concat(members.body ? ['the body'] : [])
    .join('; ');
}

/** @param absent what there is to say if no fact is known */
function group(heading: string, known: readonly Fact[], absent?: string) {
  const facts: readonly Fact[] = known.length === 0 && absent ? [{ text: absent }] : known;
  return { heading, facts };
}

function facts<T extends Source>(sourced: readonly T[], text: (one: T) => string): Fact[] {
  return sourced.map((one) => fact(text(one), one));
}

function fact(text: string, { certainty, from }: Source): Fact {
  return { text, how: [certainty, ...from].join(' ') };
}

function code(text: string): string {
  return `\`${text}\``;
}
