import type { Policy } from '../../../shared/policy/schema.ts';
import type { Auth, Preset } from '../../presets/preset.ts';

/**
 * The token endpoints of a type of a preset. One at a host of the API is one at each destination of the type, since an
 * SDK that is pointed there asks there, too.
 */
export function tokenEndpoints(
  { hosts }: Preset,
  { oauth }: Auth,
  destinations: readonly string[],
  sandbox: boolean,
): Pick<Policy, 'tokenEndpoints'> {
  const { tokenUrl, refreshUrl } = oauth ?? {};
  const urls = [tokenUrl, refreshUrl].filter((url) => url !== undefined);
  const origins = destinations
    .filter((one) => !one.includes('*'))
    .flatMap((one) => URL.parse(one)?.origin ?? []);
  const endpoints = urls.flatMap((url) => {
    const [, host = '', path = ''] = /^https:\/\/([^/]+)(\/.*)$/.exec(url) ?? [];
    const isOfApi = hosts.some((one) => one.is === 'production' && one.host === host);
    return [
      ...(isOfApi ? origins.map((origin) => origin + path) : []),
      ...(host.includes('{') || (isOfApi && sandbox) ? [] : [url]),
    ];
  });
  return endpoints.length === 0 ? {} : { tokenEndpoints: [...new Set(endpoints)] };
}
