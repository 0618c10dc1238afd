import { defaultInjection, type Injection, type Policy } from '../../../shared/policy/schema.ts';
import { ShellError } from './shell-error.ts';

/** The options of `type put`. */
export interface PolicyOptions {
  readonly destination: readonly string[];
  readonly header?: readonly string[];
  readonly query?: readonly string[];
  readonly basic?: string;
  readonly unsafePlaintext?: boolean;
  readonly unsafeAllowPrivate?: readonly string[];
  readonly cacheSeconds?: string;
  readonly scrub: boolean;
  readonly publicField?: readonly string[];
  readonly redactMember?: readonly string[];
}

/** Builds a policy, which putType validates. @throws ShellError input_invalid */
export function policyFromOptions(options: PolicyOptions): Policy {
  const { destination, unsafePlaintext, unsafeAllowPrivate, cacheSeconds } = options;
  const { scrub, publicField, redactMember } = options;
  return {
    destinations: [...destination],
    injection: injectionFromOptions(options),
    ...(unsafePlaintext && { unsafePlaintext }),
    ...(unsafeAllowPrivate && { unsafeAllowPrivate: [...unsafeAllowPrivate] }),
    ...(cacheSeconds !== undefined && { cacheSeconds: parseSeconds(cacheSeconds) }),
    ...(!scrub && { scrub }),
    ...(publicField && { publicFields: [...publicField] }),
    ...(redactMember && { redactMembers: [...redactMember] }),
  };
}

function injectionFromOptions({ header, query, basic }: PolicyOptions): Injection {
  if ([header, query, basic].filter((option) => option !== undefined).length > 1) {
    throw new ShellError(
      'input_invalid',
      'a type has only one of --header, --query and --basic',
      'keep the one that the marketplace documents',
    );
  }
  if (header) return { scheme: 'headers', headers: parsePairs(header, ':', '--header') };
  if (query) return { scheme: 'query', query: parsePairs(query, '=', '--query') };
  if (basic === undefined) return defaultInjection;
  const [username, password] = split(basic, ':', '--basic');
  return { scheme: 'basic', username, password };
}

function parsePairs(
  texts: readonly string[],
  separator: string,
  option: string,
): Record<string, string> {
  const pairs = texts.map((text) => split(text, separator, option));
  const names = pairs.map(([name]) => name);
  const double = names.find((name, i) => names.indexOf(name) < i);
  if (double !== undefined) {
    throw new ShellError(
      'input_invalid',
      `${option} names ${JSON.stringify(double)} twice`,
      'give each name once',
    );
  }
  return Object.fromEntries(pairs);
}

function split(text: string, separator: string, option: string): [string, string] {
  const at = text.indexOf(separator);
  const pair: [string, string] = [text.slice(0, at).trim(), text.slice(at + 1).trim()];
  if (at > 0 && pair[0] !== '' && pair[1] !== '') return pair;
  throw new ShellError(
    'input_invalid',
    `${option} needs two parts separated by ${JSON.stringify(separator)}`,
    "examples: --header 'Authorization: Bearer {token}', --query 'key={token}', --basic '{user}:{password}'",
  );
}

function parseSeconds(text: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw new ShellError(
    'input_invalid',
    `--cache-seconds ${JSON.stringify(text)} is not an integer`,
    'it is 0 to 300 seconds',
  );
}
