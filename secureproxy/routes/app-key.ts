import { isCallerKey } from '../../shared/crypto/caller-key.ts';
import { ServiceError } from '../../shared/errors.ts';

const prefix = 'spk_';
/** The authentication scheme that an SDK writes before a token (RFC 9110 §11.4), such as `Bearer`. */
const scheme = /^[\w!#$%&'*+.^`|~-]+[ \t]+/;

/**
 * Finds the app key in a request's own headers and query parameters; null if there is none. Any
 * header or parameter may carry it, so that an SDK can send the app key in place of the
 * marketplace's token (docs/protocol.md §9). `rawHeaders` alternates names and values: Node's parsed
 * headers keep only the first `Authorization` of several.
 * @throws ServiceError request_invalid for several keys, caller_unauthenticated for a malformed one
 */
export function findAppKey(rawHeaders: readonly string[], query: string): string | null {
  const values: string[] = query === '' ? [] : [...new URLSearchParams(query).values()];
  for (let i = 1; i < rawHeaders.length; i += 2) {
    const value = rawHeaders[i] ?? '';
    // A cheap test first, since most headers hold no key.
    if (value.includes(prefix)) values.push(...value.split(','));
  }
  const found = values.flatMap((value) => {
    const key = value.trim().replace(scheme, '');
    return key.startsWith(prefix) ? [key] : [];
  });
  const [key = null, ...others] = found;
  if (others.length > 0) {
    throw new ServiceError('request_invalid', {
      reason: 'two_app_keys',
      detail: 'The request has more than one app key: send one.',
    });
  }
  if (key !== null && !isCallerKey(key, prefix)) {
    throw new ServiceError('caller_unauthenticated', {
      reason: 'app_key_form',
      detail: 'The app key is mistyped or cut short: its checksum does not match.',
    });
  }
  return key;
}
