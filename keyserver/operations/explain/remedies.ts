import type { ServiceError } from '../../../shared/errors.ts';
import { pathPatternFault } from '../../../shared/policy/grant.ts';
import { withoutParameters } from '../../../shared/policy/parameters/names.ts';
import { isReference } from '../../../shared/policy/reference.ts';
import { judgeRouting } from '../../../shared/policy/routing.ts';
import type { Policy, Target } from '../../../shared/policy/schema.ts';
import type { TokenQuery } from '../../release/decision.ts';
import type { OperationContext } from '../context.ts';
import type { FoundDocument } from '../documents.ts';
import type { Suggestion, TokenName } from '../suggestion.ts';
import { misfitRemedy } from './misfit-remedy.ts';

export type Asked = TokenQuery & { readonly target: Target };

/**
 * Suggests how to get past the error that rejected a call.
 * @param url the call's, as it was parsed; undefined if it was not
 * @param stored its type; undefined if there is none
 */
export async function remedyFor(
  context: OperationContext,
  error: ServiceError,
  asked: Asked,
  url: string | undefined,
  stored: FoundDocument<'type'> | undefined,
): Promise<Suggestion> {
  const { clientId: client, tokenType: type, requester } = asked;
  switch (error.code) {
    case 'caller_unauthenticated':
      return { do: 'rotate', kind: 'app', id: requester.appId };
    case 'grant_denied':
      // A grant of a type that is not there would be added, and allow nothing.
      return stored ? grantRemedy(error, asked, url, stored.content) : definition(asked);
    case 'type_not_found':
      return definition(asked);
    case 'destination_denied':
      return destinationRemedy(error, asked, url);
    case 'token_not_found':
    case 'token_expired':
      return { do: 'put_token', client, type };
    default:
      return integrityRemedy(context, error, { client, type });
  }
}

function definition({ tokenType: type, target }: Asked): Suggestion {
  return { do: 'define_type', type, origin: originOf(target.url) };
}

function grantRemedy(
  { options: { reason = '' } }: ServiceError,
  asked: Asked,
  url: string | undefined,
  policy: Policy | undefined,
): Suggestion {
  const { requester, clientId, tokenType, target } = asked;
  if (reason === 'proxy_limited') return { do: 'limit_proxy', id: requester.proxyId ?? '' };
  const every = { app: requester.appId, client: clientId, type: tokenType };
  if (reason.startsWith('routed_')) return { do: 'add_grant', ...every };
  // The narrowest that allows the call.
  const grant = { ...every, method: target.method };
  const { pathname = '/', search = '' } = parse(url ?? target.url) ?? {};
  if (policy !== undefined && isRouted(policy, search)) return { do: 'add_grant', ...every };
  // A `*` would stand for all that follows anyway.
  const path = pathname.replace(/\*.*/s, '*');
  return pathPatternFault(path) === undefined
    ? { do: 'add_grant', ...grant, path }
    : { do: 'grant_every_path', ...grant };
}

/** Whether something else selects the operation of a call than method and path. */
function isRouted(policy: Policy, search: string): boolean {
  const limited = { client: '*', type: '*', paths: ['/*'] };
  const sent = withoutParameters(search, policy.dropQuery ?? []);
  return !judgeRouting(policy, [limited], limited, { search: sent }).allowed;
}

function destinationRemedy(
  { options: { reason = '' } }: ServiceError,
  { tokenType: type, target }: Asked,
  url: string | undefined,
): Suggestion {
  switch (reason) {
    case 'not_listed':
    case 'plaintext':
      return { do: 'allow_destination', type, origin: originOf(url ?? target.url) ?? '' };
    case 'host_not_listed': {
      const origin = namedOrigin(target.url);
      return origin === undefined
        ? 'let the app spell the host behind ~ as a destination of the type does'
        : { do: 'allow_destination', type, origin };
    }
    case 'first_wildcard':
      return 'let the app name a destination that is no wildcard, as ~host/path, or put such a one first in the type';
    default:
      return 'let the app spell the URL as the detail says';
  }
}

async function integrityRemedy(
  context: OperationContext,
  { options: { reason = '' } }: ServiceError,
  token: TokenName,
): Promise<Suggestion> {
  switch (reason) {
    case 'document_refused':
      return { do: 'replace_type', type: token.type };
    case 'fields':
      return misfitRemedy(context, token);
    case 'duplicate_rows':
      return { do: 'put_token', ...token };
    default:
      return { do: 'inspect_token', ...token };
  }
}

/** Undefined of a path alone, and of what does not parse. */
function originOf(url: string): string | undefined {
  return url.startsWith('/') ? undefined : parse(url)?.origin;
}

/** Parses a whole URL or a reference. */
function parse(url: string): URL | null {
  if (!isReference(url)) return URL.parse(url);
  return URL.parse(url.startsWith('/') ? `https://host.example${url}` : `https://${url.slice(1)}`);
}

/** The origin whose host stands behind `~`; undefined if a destination with that origin would not be found so. */
function namedOrigin(reference: string): string | undefined {
  const [host = ''] = reference.slice(1).split(/[/?]/, 1);
  const origin = `https://${host.toLowerCase()}`;
  return URL.parse(origin)?.origin === origin ? origin : undefined;
}
