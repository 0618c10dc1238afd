import { isCallerKey } from '../../shared/crypto/caller-key.ts';
import { ServiceError } from '../../shared/errors.ts';

const prefix = 'spk_';
/** An authentication scheme's name (RFC 9110 §11.4): `Bearer`, or what else an SDK writes before a token. */
const scheme = /^[\w!#$%&'*+.^`|~-]+[ \t]+/;

/**
 * The one app key among a request's own headers and query parameters; null where there is none.
 * Any header or parameter will do, so that an SDK is simply given the app key in place of the
 * marketplace's token (docs/protocol.md §9). `rawHeaders` are names and values in
 * turn: Node's parsed headers keep only the first `Authorization` of several.
 * @throws ServiceError request_invalid for two, caller_unauthenticated for one that cannot be a key
 */
export function findAppKey(rawHeaders: readonly string[], query: string): string | null {
  const values: string[] = query === '' ? [] : [...new URLSearchParams(query).values()];
  for (let i = 1; i < rawHeaders.length; i += 2) {
    const value = rawHeaders[i] ?? '';
    // A first look, since most headers hold nothing of the kind.
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
      detail: 'The app key is mistyped or cut short: its checksum does not fit.',
    });
  }
  return key;
}
