import { ServiceError } from '../../shared/errors.ts';
import { type TokenGrant, tokenGrants } from '../../shared/policy/token-endpoint.ts';

export interface TokenRequest {
  readonly method: string;
  /** Some marketplaces take all of it in a query. */
  readonly search: string;
  readonly body: Buffer | null;
}

/** The grant that a token request asks by. @throws ServiceError request_invalid, in OAuth's words, too */
export function parseTokenRequest({ method, search, body }: TokenRequest): TokenGrant {
  if (method !== 'POST' && method !== 'GET') throw invalidRequest('is neither POST nor GET');
  const [grant, ...others] = new Set([
    ...new URLSearchParams(search).getAll('grant_type'),
    ...grantTypesIn(body?.toString().trim() ?? ''),
  ]);
  if (grant === undefined) throw invalidRequest('has no grant_type, in a form, JSON or query');
  if (others.length > 0) throw invalidRequest('has several grant_type');
  const known = tokenGrants.find((one) => one === grant);
  if (known !== undefined) return known;
  throw new ServiceError('request_invalid', {
    reason: 'token_grant',
    oauthError: 'unsupported_grant_type',
    detail: `The proxy answers ${tokenGrants.join(' and ')} alone: no consent is exchanged here.`,
  });
}

function grantTypesIn(text: string): string[] {
  if (!text.startsWith('{')) return new URLSearchParams(text).getAll('grant_type');
  try {
    const { grant_type: grant } = JSON.parse(text);
    return grant === undefined ? [] : [String(grant)];
  } catch {
    throw invalidRequest('has a body that is not JSON');
  }
}

function invalidRequest(what: string): ServiceError {
  return new ServiceError('request_invalid', {
    reason: 'token_request',
    oauthError: 'invalid_request',
    detail: `The token request ${what}.`,
  });
}
