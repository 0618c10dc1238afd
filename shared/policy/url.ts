import { memoizeByText } from '../memoize.ts';
import { controls, isAmbiguousPath } from './path.ts';
import { allow, refuse, type Verdict } from './verdict.ts';

const dotSegment = /^(?:\.|%2e){1,2}$/i;

const denied = (reason: string, detail: string) => refuse('destination_denied', reason, detail);

/** The parts of a URL (WHATWG URL), frozen because cached: many calls share one. */
export class TargetUrl {
  readonly href: string;
  readonly protocol: string;
  readonly origin: string;
  readonly hostname: string;
  readonly port: string;
  readonly pathname: string;
  readonly search: string;
  #isAmbiguous: boolean | undefined;

  constructor({ href, protocol, origin, hostname, port, pathname, search }: URL) {
    this.href = href;
    this.protocol = protocol;
    this.origin = origin;
    this.hostname = hostname;
    this.port = port;
    this.pathname = pathname;
    this.search = search;
    Object.freeze(this);
  }

  get isAmbiguous(): boolean {
    this.#isAmbiguous ??= isAmbiguousPath(this.pathname);
    return this.#isAmbiguous;
  }
}

/**
 * Parses a caller's URL once (WHATWG URL, docs/protocol.md §8) and refuses every spelling that the parser
 * would repair. The serialised URL, which is judged and sent, is therefore the caller's own text, except
 * for percent-encoding in path and query. Results are cached by text.
 */
export const parseTargetUrl = memoizeByText((text: string): Verdict<TargetUrl> => {
  if (!text.isWellFormed()) return denied('url_not_unicode', 'The URL is not well-formed Unicode.');
  if (controls.test(text))
    return denied('url_control_character', 'The URL has a control character.');
  if (text !== text.trim()) return denied('url_space_around', 'The URL has white space around it.');
  if (text.includes('\\')) return denied('url_backslash', 'The URL has a backslash.');
  if (text.includes('#'))
    return denied('url_fragment', 'The URL has a fragment; write %23 for a literal #.');
  const url = URL.parse(text);
  if (url === null)
    return denied('url_unparsable', 'The URL does not parse; it starts with https://host/.');
  if (url.protocol !== 'https:' && url.protocol !== 'http:') {
    return denied('url_scheme', 'The URL is neither https nor http.');
  }
  const rest = text.slice(url.origin.length);
  if (!text.startsWith(url.origin) || !/^(?:[/?]|$)/.test(rest)) {
    return denied(
      'url_authority_spelling',
      `The URL spells scheme, host or port unusually, or has userinfo; it would have to start with ${url.origin}/.`,
    );
  }
  if (url.hostname.endsWith('.')) return denied('url_trailing_dot', 'The host ends with a dot.');
  const path = rest.split('?', 1)[0] ?? '';
  if (path.split('/').some((segment) => dotSegment.test(segment))) {
    return denied('url_dot_segment', 'The path has a dot segment.');
  }
  return allow(new TargetUrl(url));
});
