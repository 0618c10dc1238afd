import { isUnder, parseDestination } from './destination.ts';

/** Whether a pattern matches everything that another one does. Patterns are those of `matchesPattern`. */
export function patternCovers(pattern: string, other: string): boolean {
  if (!pattern.endsWith('*')) return pattern === other;
  const prefix = other.endsWith('*') ? other.slice(0, -1) : other;
  return prefix.startsWith(pattern.slice(0, -1));
}

/** The patterns that cover one: the text of each, for a look-up among many. */
export function coveringPatterns(pattern: string): string[] {
  const prefix = pattern.endsWith('*') ? pattern.slice(0, -1) : pattern;
  const shorter = Array.from({ length: prefix.length + 1 }, (_, end) => `${prefix.slice(0, end)}*`);
  return [...new Set([pattern, ...shorter])];
}

/** {@link patternCovers} for path patterns: one without an origin holds for every origin. */
export function pathPatternCovers(pattern: string, other: string): boolean {
  if (!pattern.startsWith('/') || other.startsWith('/')) return patternCovers(pattern, other);
  const path = /^[a-z]+:\/\/[^/]+(\/.*)$/.exec(other)?.[1];
  return path !== undefined && patternCovers(pattern, path);
}

/** Whether every URL that goes to a destination goes to another one, too. @throws PolicyError */
export function destinationCovers(text: string, other: string): boolean {
  const outer = parseDestination(text);
  const inner = parseDestination(other);
  if (outer.protocol !== inner.protocol || outer.port !== inner.port) return false;
  const isSameHost = outer.hostname === inner.hostname && outer.wildcard === inner.wildcard;
  const isOneOf = outer.wildcard && !inner.wildcard && isUnder(inner.hostname, outer.hostname);
  if (!isSameHost && !isOneOf) return false;
  return `${inner.pathPrefix}/`.startsWith(`${outer.pathPrefix}/`);
}
