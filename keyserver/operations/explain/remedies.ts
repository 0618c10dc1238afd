import type { ServiceError } from '../../../shared/errors.ts';
import { isAmbiguousPath } from '../../../shared/policy/path.ts';
import type { Target } from '../../../shared/policy/schema.ts';
import type { Steps } from '../../../shared/protocol/explanation.ts';
import type { TokenQuery } from '../../release/decision.ts';
import type { Suggestion } from '../suggestion.ts';

export type Asked = TokenQuery & { readonly target: Target };

/** Suggests how to get past the step that began last, which rejected the call; of an injection {@link misfitRemedy} does. */
export function remedyFor(error: ServiceError, steps: Steps, asked: Asked): Suggestion {
  const { step } = steps.taken.at(-1) ?? {};
  const { clientId: client, tokenType: type, requester } = asked;
  switch (step) {
    case 'authenticate':
      return { do: 'rotate', kind: 'app', id: requester.appId };
    case 'grant':
      return error.options.reason === 'proxy_limited'
        ? { do: 'limit_proxy', id: requester.proxyId ?? '' }
        : grantRemedy(asked);
    case 'type':
      return error.code === 'type_not_found'
        ? { do: 'define_type', type, origin: originOf(asked) }
        : { do: 'replace_type', type };
    case 'destination':
      return { do: 'allow_destination', type, origin: originOf(asked) ?? '' };
    case 'operation':
      return { do: 'add_grant', app: requester.appId, client, type };
    case 'token':
      return {
        do: error.code === 'integrity_failed' ? 'inspect_token' : 'put_token',
        client,
        type,
      };
    default:
      return 'let the app spell the URL as the detail says';
  }
}

/** The narrowest grant that allows the call. */
function grantRemedy({ requester, clientId, tokenType, target }: Asked): Suggestion {
  const { method, url } = target;
  const grant = { app: requester.appId, client: clientId, type: tokenType, method };
  const path = pathOf(url);
  return isAmbiguousPath(path)
    ? { do: 'grant_every_path', ...grant }
    : { do: 'add_grant', ...grant, path };
}

/** Of a whole URL or a reference. */
function pathOf(url: string): string {
  return URL.parse(url.replace(/^~[^/?]*/, ''), 'https://host.example')?.pathname ?? '/';
}

function originOf({ target }: Asked): string | undefined {
  return URL.parse(target.url)?.origin;
}
