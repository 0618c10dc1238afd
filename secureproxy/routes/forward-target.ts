import { ServiceError } from '../../shared/errors.ts';
import { nameFault } from '../../shared/names.ts';
import type { Binding } from '../../shared/protocol/messages.ts';
import { invalid } from '../envelope/faults.ts';
import { appKeysIn } from '../http/keys-in-value.ts';

/** Path under which marketplaces are forwarded to. */
export const forwardPrefix = '/forward/';

/** The target of a forwarded request. */
export interface ForwardTarget {
  readonly clientId: string;
  readonly tokenType: string;
  /** The part of the request's target in front of the marketplace's path, as the caller spelled it. */
  readonly base: string;
  /** A reference (shared/policy/reference.ts): `/path?query` or `~host/path?query`. */
  readonly url: string;
}

/**
 * Splits `/forward/{ClientId}/{TokenType}/{path}?{query}`, the raw target of a request: all that follows the second
 * name goes to the marketplace byte by byte, without parameters that have an app key.
 * @throws ServiceError request_invalid
 */
export function parseForwardTarget(target: string): ForwardTarget {
  const clientEnd = endOfName(target, forwardPrefix.length);
  const typeEnd = endOfName(target, clientEnd + 1);
  // The router takes other spellings of the prefix, too.
  const isSpelled = target.startsWith(forwardPrefix);
  if (!isSpelled || target[clientEnd] !== '/' || typeEnd === clientEnd + 1) {
    throw invalid('forward_path', 'The path is /forward/{ClientId}/{TokenType}/{path}.');
  }
  return {
    clientId: nameOf('ClientId', target.slice(forwardPrefix.length, clientEnd)),
    tokenType: nameOf('TokenType', target.slice(clientEnd + 1, typeEnd)),
    base: target.slice(0, typeEnd),
    url: withoutKeys(referenceOf(target.slice(typeEnd))),
  };
}

/**
 * Reads a request's target as the marketplace's, whole: the key of a bound app says by itself where it goes.
 * @throws ServiceError grant_denied for an app that KeyServer knows no binding of
 */
export function boundTarget(target: string, binding: Binding | null): ForwardTarget {
  if (binding === null) {
    throw new ServiceError('grant_denied', {
      reason: 'not_bound',
      detail:
        'The app of this key is bound to no client and token type: call /forward/{ClientId}/{TokenType}/, or bind the app.',
    });
  }
  return { ...binding, base: '', url: withoutKeys(referenceOf(target)) };
}

const [slash, questionMark] = [0x2f, 0x3f];

function endOfName(target: string, from: number): number {
  for (let end = from; end < target.length; end++) {
    const code = target.charCodeAt(end);
    if (code === slash || code === questionMark) return end;
  }
  return target.length;
}

/** Decoded once, since names may have a slash. */
function nameOf(member: string, spelled: string): string {
  let name: string;
  try {
    name = spelled.includes('%') ? decodeURIComponent(spelled) : spelled;
  } catch {
    throw invalid('name', `${member} is not percent-encoded UTF-8.`);
  }
  const fault = nameFault(name);
  if (fault !== undefined) throw invalid('name', `${member} ${fault}.`);
  return name;
}

/**
 * A base URL that ends with a slash, joined to a path that begins with one, leaves one too many. A backslash is encoded
 * here, since the URL parser would make a slash of it; the others that a URL cannot have are encoded there.
 */
function referenceOf(rest: string): string {
  const path = withSlash(rest.replaceAll('\\', '%5C'));
  if (!path.startsWith('/~')) return path;
  const reference = path.slice(1);
  const end = /[/?]|$/.exec(reference)?.index ?? reference.length;
  return reference.slice(0, end) + withSlash(reference.slice(end));
}

function withSlash(rest: string): string {
  if (rest.startsWith('//')) return rest.slice(1);
  return rest.startsWith('/') ? rest : `/${rest}`;
}

function withoutKeys(reference: string): string {
  const at = reference.indexOf('?');
  if (at < 0) return reference;
  const parameters = reference.slice(at + 1).split('&');
  const kept = parameters.filter((parameter) => !hasKey(parameter));
  if (kept.length === parameters.length) return reference;
  return reference.slice(0, at) + (kept.length === 0 ? '' : `?${kept.join('&')}`);
}

/** As admission reads a parameter, which looked for the key in the value. */
function hasKey(parameter: string): boolean {
  return [...new URLSearchParams(parameter).values()].some((value) => appKeysIn(value).length > 0);
}
