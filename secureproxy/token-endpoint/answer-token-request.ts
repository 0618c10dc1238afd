import type { FastifyReply, FastifyRequest } from 'fastify';
import { ServiceError } from '../../shared/errors.ts';
import { proxyName } from '../http/via.ts';
import { receiveShortBody } from '../receipt/receive-short-body.ts';
import type { Deadline } from '../upstream/deadline.ts';
import { StreamedBody } from '../upstream/streamed-body.ts';
import { parseTokenRequest } from './token-request.ts';

/** SDKs ask again after it; the app key itself lasts as long as its operator wants. */
const expiresInSeconds = 3600;

interface TokenCall {
  readonly appKey: string | null;
  readonly method: string;
  readonly body: Buffer | StreamedBody | null;
}

/**
 * Answers a permitted call to a token endpoint with the caller's own app key as the access token (RFC 6749 §5.1), so
 * that an SDK renews a token that it never had. Nothing is sent to the marketplace.
 * @throws ServiceError request_invalid, body_too_large, overloaded, upstream_timeout
 */
export async function answerTokenRequest(
  { appKey, method, body }: TokenCall,
  request: FastifyRequest,
  reply: FastifyReply,
  deadline: Deadline,
  { search }: { readonly search: string },
): Promise<void> {
  // Of the app `anonymous`, which has none.
  if (appKey === null) {
    throw new ServiceError('caller_unauthenticated', {
      reason: 'app_key_missing',
      oauthError: 'invalid_client',
      detail:
        'The token request has no app key: send one, which the answer then has as the access token.',
    });
  }
  const received =
    body instanceof StreamedBody
      ? await deadline.bound('request', receiveShortBody(request.server.bodyBudget, request))
      : body;
  const grant = parseTokenRequest({ method, search, body: received });
  request.logFields.token_request = grant;
  reply
    .headers({
      'content-type': 'application/json;charset=UTF-8',
      // RFC 6749 §5.1.
      'cache-control': 'no-store',
      pragma: 'no-cache',
      'proxy-status': `${proxyName}; details="token endpoint"`,
    })
    .serializer(JSON.stringify)
    .send({
      access_token: appKey,
      token_type: 'bearer',
      expires_in: expiresInSeconds,
      // SDKs of marketplaces that rotate refresh tokens store the new one.
      ...(grant === 'refresh_token' && { refresh_token: appKey }),
    });
}
