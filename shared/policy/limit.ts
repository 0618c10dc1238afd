import { memoize, memoizeByText } from '../memoize.ts';
import { matchesPattern, pathPatternFault } from './grant.ts';
import { foldedPaths } from './path.ts';
import { PolicyError } from './policy-error.ts';
import type { TargetUrl } from './url.ts';

/** So many requests in so many seconds, of which `burst` may come at once. */
export interface Rate {
  readonly requests: number;
  readonly seconds: number;
  readonly burst: number;
}

/** A parsed limit of a type (docs/protocol.md §8, "Limits"). */
export interface Limit {
  readonly name: string;
  /** Undefined if it is one of calls at once. */
  readonly rate: Rate | undefined;
  readonly concurrent: number | undefined;
  /** One of these patterns matches the call; empty: it holds for every call. */
  readonly paths: readonly string[];
  readonly perType: boolean;
  /** Costs of calls by path; the first match counts. */
  readonly costs: readonly { readonly path: string; readonly cost: number }[];
  /** Cost of a call that is answered by 400 to 499; undefined: that of any other. */
  readonly errorCost: number | undefined;
}

const secondsOf: Readonly<Record<string, number>> = { s: 1, min: 60, h: 3600, day: 86_400 };
const rateForm = /^([1-9]\d{0,6})\/([1-9]\d{0,4})?(s|min|h|day)$/;
const concurrentForm = /^([1-9]\d{0,4}) at once$/;
const maxSeconds = 30 * 86_400;
/** Without a burst of its own, a rate allows this part more in any window of its length. */
const burstShare = 20;

/**
 * Parses `50/s`, `300/min burst 20 errors 10`, `4 at once`, each with `per type`, with patterns of paths, and a rate
 * with `cost N PATTERN`. @throws PolicyError naming the text
 */
export function parseLimit(text: string): Limit {
  const fault = (what: string) => new PolicyError(`limit ${JSON.stringify(text)} ${what}`);
  const words = text.split(' ');
  const kind = /^\S+ at once(?: |$)/.test(text)
    ? words.splice(0, 3).join(' ')
    : (words.shift() ?? '');
  const concurrent = concurrentForm.exec(kind)?.[1];
  const rate = rateForm.exec(kind);
  if (concurrent === undefined && rate === null) {
    throw fault(
      'begins neither with a rate such as 50/s, 300/min or 10/5min, nor with a number at once, as in 4 at once',
    );
  }
  const options = readOptions(words, fault);
  const { burst, errors } = options.numbers;
  if (concurrent !== undefined) {
    const other = burst === undefined && errors === undefined && options.costs.length === 0;
    if (!other) throw fault('is of calls at once: burst, errors and cost belong to a rate');
  }
  return {
    name: text,
    rate: rate === null ? undefined : rateOf(rate, burst, fault),
    concurrent: concurrent === undefined ? undefined : Number(concurrent),
    paths: options.paths,
    perType: options.perType,
    costs: options.costs,
    errorCost: errors,
  };
}

type Fault = (what: string) => PolicyError;

function rateOf(
  [, count, times = '1', unit = 's']: RegExpExecArray,
  burst: number | undefined,
  fault: Fault,
): Rate {
  const requests = Number(count);
  const seconds = Number(times) * (secondsOf[unit] ?? 1);
  if (seconds > maxSeconds) throw fault('counts in more than 30 days');
  return { requests, seconds, burst: burst ?? Math.max(1, Math.floor(requests / burstShare)) };
}

function readOptions(words: readonly string[], fault: Fault) {
  const left = [...words];
  const numbers: { burst?: number; errors?: number } = {};
  const paths: string[] = [];
  const costs: { path: string; cost: number }[] = [];
  let perType = false;
  const number = (name: string) => {
    const value = left.shift() ?? '';
    if (/^[1-9]\d{0,6}$/.test(value)) return Number(value);
    throw fault(`has no number from 1 on behind ${name}`);
  };
  const path = (pattern: string) => {
    const wrong = pathPatternFault(pattern);
    if (wrong !== undefined) throw fault(`has the path ${JSON.stringify(pattern)}, which ${wrong}`);
    return pattern;
  };
  for (let word = left.shift(); word !== undefined; word = left.shift()) {
    if ((word === 'burst' || word === 'errors') && numbers[word] === undefined) {
      numbers[word] = number(word);
    } else if (word === 'per' && left[0] === 'type' && !perType) {
      left.shift();
      perType = true;
    } else if (word === 'cost') {
      const cost = number(word);
      costs.push({ cost, path: path(left.shift() ?? '') });
    } else if (/^(?:\/|https?:)/.test(word)) {
      paths.push(path(word));
    } else {
      throw fault(
        `has ${JSON.stringify(word)}, which is no burst N, errors N, per type, cost N PATH or path, each once and a space apart`,
      );
    }
  }
  return { numbers, paths, costs, perType };
}

/** Whether a limit holds for calls of this URL. A path that could be read in two ways is under every limit. */
export function isLimitedBy({ paths }: Limit, url: TargetUrl): boolean {
  return paths.length === 0 || paths.some((pattern) => covers(pattern, url));
}

/** Cost of a call of this URL before its answer is known. */
export function costOf({ costs }: Limit, url: TargetUrl): number {
  return costs.find(({ path }) => covers(path, url))?.cost ?? 1;
}

/** Other than a grant's pattern, it matches every spelling of a path: none may escape a limit. */
function covers(pattern: string, url: TargetUrl): boolean {
  if (url.isAmbiguous) return true;
  const origin = pattern.startsWith('/') ? '' : url.origin;
  if (matchesPattern(pattern, origin + url.pathname)) return true;
  const loose = loosePattern(pattern);
  return loosePaths(url).some(
    (path) => matchesPattern(loose, origin + path) || loose === origin + withoutLastSlash(path),
  );
}

/** As lenient routers read it: case, empty pieces and what is cut off do not count. */
const loosePaths = memoize(({ pathname }: TargetUrl) => foldedPaths(pathname).map(inLowerCase));

function inLowerCase(path: string): string {
  return path.toLowerCase().replace(/\/{2,}/g, '/');
}

function withoutLastSlash(path: string): string {
  return path.replace(/\/$/, '');
}

/** Patterns are few, and have no letters that a cut at `;` would lose. */
const loosePattern = memoizeByText((pattern) => {
  const [, origin = '', path = pattern] = /^([a-z]+:\/\/[^/]+)(\/.*)$/.exec(pattern) ?? [];
  const [folded = path] = foldedPaths(path);
  return withoutLastSlash(origin + inLowerCase(folded));
});
