import type { ServiceError } from '../../../shared/errors.ts';
import { isAmbiguousPath } from '../../../shared/policy/path.ts';
import type { Steps } from '../../../shared/protocol/explanation.ts';
import type { TokenQuery } from '../../release/decision.ts';
import type { Suggestion } from '../suggestion.ts';

/** Suggests how to get past the step that began last, which rejected the call. */
export function remedyFor(error: ServiceError, steps: Steps, asked: TokenQuery): Suggestion {
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
    case 'token':
      return {
        do: error.code === 'integrity_failed' ? 'inspect_token' : 'put_token',
        client,
        type,
      };
    case 'injection':
      return { do: 'refill_token', client, type };
    default:
      return 'let the app spell the URL as the detail says';
  }
}

/** The narrowest grant that allows the call. */
function grantRemedy({ requester, clientId, tokenType, target }: TokenQuery): Suggestion {
  const method = target?.method ?? 'GET';
  const grant = { app: requester.appId, client: clientId, type: tokenType, method };
  const path = target && (URL.parse(target.url)?.pathname ?? '/');
  return path !== undefined && isAmbiguousPath(path)
    ? { do: 'grant_every_path', ...grant }
    : { do: 'add_grant', ...grant, path };
}

function originOf({ target }: TokenQuery): string | undefined {
  return URL.parse(target?.url ?? '')?.origin;
}
