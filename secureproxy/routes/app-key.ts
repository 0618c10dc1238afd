import { isCallerKey } from '../../shared/crypto/caller-key.ts';
import { ServiceError } from '../../shared/errors.ts';
import { callerName } from '../callers/callers.ts';
import type { CallerHead } from '../http/caller-head.ts';
import { appKeysIn, isBegunKey, mayHoldKey } from '../http/keys-in-value.ts';

/** An app key, or its absence, with the name by which callers are known. */
export interface NamedKey {
  readonly appKey: string | null;
  readonly name: string;
}

export function namedKey(appKey: string | null): NamedKey {
  return { appKey, name: callerName(appKey) };
}

/**
 * Finds the app key in a request's own headers and query parameters; null if there is none. Any value
 * may carry it, and it may stand there more than once, so that an SDK can send the app key in place of
 * the marketplace's credentials (docs/protocol.md §9). The raw headers are searched: Node's parsed ones
 * keep only the first `Authorization` of several.
 * @throws ServiceError as {@link oneAppKey}
 */
export function findAppKey(head: CallerHead, query: string): NamedKey {
  if (!mayHoldKey(query)) return head.derive(keyOfHeaders);
  return namedKey(oneAppKey(allAppKeys(head.raw, query)));
}

function keyOfHeaders(rawHeaders: readonly string[]): NamedKey {
  return namedKey(oneAppKey(allAppKeys(rawHeaders, '')));
}

/** @throws ServiceError request_invalid for two different keys, caller_unauthenticated for a malformed one */
export function oneAppKey(found: ReadonlySet<string>): string | null {
  const [key = null, ...others] = found;
  if (others.length > 0) {
    throw new ServiceError('request_invalid', {
      reason: 'two_app_keys',
      detail: 'The request has two different app keys: send one.',
    });
  }
  if (key !== null && !isCallerKey(key, 'spk_')) throw malformedKey();
  return key;
}

/** True if a request without a key has a value that begins as one does, but is too short to be taken for one elsewhere. */
export function hasBegunKey(rawHeaders: readonly string[], query: string): boolean {
  return valuesOf(rawHeaders, query).some(isBegunKey);
}

export function malformedKey(): ServiceError {
  return new ServiceError('caller_unauthenticated', {
    reason: 'app_key_form',
    detail: 'The app key is mistyped or cut short: its checksum does not match.',
  });
}

/** All key-like texts of headers and query parameters, each once. */
export function allAppKeys(rawHeaders: readonly string[], query: string): Set<string> {
  return new Set(valuesOf(rawHeaders, mayHoldKey(query) ? query : '').flatMap(appKeysIn));
}

function valuesOf(rawHeaders: readonly string[], query: string): string[] {
  const values = rawHeaders.filter((_, at) => at % 2 === 1);
  return query === '' ? values : [...values, ...new URLSearchParams(query).values()];
}

/** The query of a request's target, with its `?`; empty if it has none. */
export function queryOf(target: string): string {
  const at = target.indexOf('?');
  return at < 0 ? '' : target.slice(at);
}
