import { describeInjection } from '../../../../shared/policy/injection/injection.ts';
import { needTexts } from '../../../operations/presets/expand.ts';
import type { Auth, Certainty, Preset } from '../../../presets/preset.ts';

interface Fact {
  readonly certainty: Certainty;
  readonly from: readonly number[];
}

/** A preset as text: a heading a line, its facts below, each with certainty and sources. */
export function describePreset(preset: Preset): string {
  const { id, name, revision, checked, create, hosts, auth, limits, signals, expiry } = preset;
  const { probe, routedBy, drops, callerHeaders = [], sdks = [], notes, sources } = preset;
  return [
    `${id}: ${name}, revision ${revision}, checked ${checked}`,
    ...section('create at the marketplace', [fact(create.text, create)]),
    ...section(
      'hosts',
      hosts.map((host) => {
        const { host: at, path = '', is, use, auth: ways } = host;
        const only = ways === undefined ? '' : `, for ${ways.join(' and ')} only`;
        return fact(`https://${at}${path}  ${is}${use ? `, ${use}` : ''}${only}`, host);
      }),
      'every account has one of its own: --destination',
    ),
    ...auth.flatMap((one, at) => authLines(one, at === 0)),
    ...section(
      'headers that the app sends itself',
      callerHeaders.map((one) => fact(`${one.name}: ${one.value}; ${one.why}`, one)),
    ),
    ...section(
      'limits',
      limits.map((one) => fact(`${one.text}${one.limit ? `: ${one.limit}` : ''}`, one)),
      'none known',
    ),
    ...section('a limit is reached', [
      fact(
        [
          `status ${signals.status.join(', ') || 'unknown'}`,
          ...Object.entries(signals.headers ?? {}).map(([header, what]) => `${header}: ${what}`),
          ...(signals.body ? [signals.body] : []),
        ].join('; '),
        signals,
      ),
    ]),
    ...section('expiry', [fact(expiry.text, expiry)]),
    ...section(
      'probe',
      probe ? [fact(`${probe.method} ${probe.host ?? ''}${probe.path}`, probe)] : [],
      'none: token check needs one of yours (type put --probe)',
    ),
    ...section('selects the operation', routedBy ? [fact(namesOf(routedBy), routedBy)] : []),
    ...section('signature of an SDK', drops ? [fact(namesOf(drops), drops)] : []),
    ...sdks.flatMap((one) =>
      section(`${one.language}, ${one.name}`, [...one.lines, fact('', one)]),
    ),
    ...section(
      'notes',
      notes.map((one) => fact(one.text, one)),
    ),
    ...section(
      'sources',
      sources.map((text, at) => `[${at + 1}] ${text}`),
    ),
  ].join('\n');
}

function authLines(auth: Auth, isDefault: boolean): string[] {
  const { id, injection, fields, needs = [], oauth, signing, note } = auth;
  return section(`authenticate: ${id}${isDefault ? ' (default)' : ''}`, [
    fact(injection ? describeInjection(injection) : 'nothing that this version injects', auth),
    ...Object.entries(fields).map(
      ([name, { what, isPublic }]) => `{${name}}: ${what}${isPublic ? ', not secret' : ''}`,
    ),
    ...needs.map((need) => `cannot be served yet: ${needTexts[need]}`),
    ...(oauth
      ? [`token: ${oauth.tokenUrl}, ${oauth.grants.join(', ')}; rotation ${oauth.rotation}`]
      : []),
    ...(signing
      ? [`signature: ${signing.algorithm}, ${signing.encoding}, of ${signing.text}`]
      : []),
    ...(note ? [note] : []),
  ]);
}

function section(heading: string, lines: readonly string[], empty?: string): string[] {
  const shown = lines.length === 0 && empty !== undefined ? [empty] : lines;
  return shown.length === 0 ? [] : [`${heading}:`, ...shown.map((line) => `  ${line}`)];
}

function fact(text: string, { certainty, from }: Fact): string {
  const numbers = from.length === 0 ? '' : ` ${from.join(', ')}`;
  return `${text} [${certainty}${numbers}]`.trimStart();
}

/** `query rest_route, _method; body`. */
function namesOf(
  members: { readonly body?: true } & Readonly<
    Partial<Record<'query' | 'form' | 'headers', readonly string[]>>
  >,
): string {
  return (['query', 'form', 'headers'] as const)
    .flatMap((place) => (members[place] ? [`${place} ${members[place].join(', ')}`] : []))
    .concat(members.body ? ['the body'] : [])
    .join('; ');
}
