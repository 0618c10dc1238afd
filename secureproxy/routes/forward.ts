import type { IncomingMessage } from 'node:http';
import type { FastifyRequest } from 'fastify';
import { isBoundKey } from '../../shared/crypto/caller-key.ts';
import { ServiceError } from '../../shared/errors.ts';
import type { Service } from '../../shared/http/service-type.ts';
import { methods } from '../../shared/policy/schema.ts';
import type { Call } from '../call/call.ts';
import { type CallDependencies, makeCall } from '../call/make-call.ts';
import { lastCallOf } from '../call/prepare.ts';
import { invalid } from '../envelope/faults.ts';
import { StreamedKeyWatch } from '../http/body-watch.ts';
import { headOf } from '../http/caller-head.ts';
import { checkNoAppKey } from '../http/key-watch.ts';
import { appKeysIn } from '../http/keys-in-value.ts';
import type { CallerHeaders } from '../http/request-headers.ts';
import { StreamedBody } from '../upstream/streamed-body.ts';
import { type AdmissionDependencies, admitCaller } from './admission.ts';
import { allAppKeys, queryOf } from './app-key.ts';
import { maxTimeoutMs, relayedAnswers } from './call-request.ts';
import {
  boundTarget,
  type ForwardTarget,
  forwardPrefix,
  parseForwardTarget,
} from './forward-target.ts';

/** Sets the timeout of a forwarded call, milliseconds; it is not sent. */
const timeoutHeader = 'x-secureproxy-timeout-ms';

/** A path that the router finds whatever the marketplace's is: it would decode and refuse. */
const routedPath = `${forwardPrefix}c/t/path`;

/** The paths that are ours whatever the key. Others are the marketplace's with a bound app's key. */
const callPath = /^\/(?:forward\/|(?:request_api|explain|check)(?:\?|$))/;

/** The path by which a request is routed. */
export function routedUrl({ url = '', rawHeaders }: IncomingMessage): string {
  const isForwarded =
    url.startsWith(forwardPrefix) ||
    (mayBeBound(url) && allAppKeys(rawHeaders, queryOf(url)).values().some(isBoundKey));
  return isForwarded ? routedPath : url;
}

/** False for `*`, too, and for the absolute URLs that clients of forward proxies send. */
function mayBeBound(target: string): boolean {
  return target.startsWith('/') && !callPath.test(target);
}

/** `ANY /forward/{ClientId}/{TokenType}/{path}`: a marketplace under a path of the proxy (docs/forward.md). */
export function forwardRoutes(
  app: Service,
  dependencies: CallDependencies & AdmissionDependencies,
): void {
  app.register(async (scope) => {
    // The body is the marketplace's, whatever its type: it is not read before the call is allowed.
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser('*', (_request, _payload, done) => done(null));
    for (const method of methods) {
      scope.route({
        method,
        url: `${forwardPrefix}:ClientId/:TokenType/:path`,
        exposeHeadRoute: false,
        config: { takesAnyBody: true },
        schema: {
          operationId: `forward${method[0]}${method.slice(1).toLowerCase()}`,
          summary: `Forward a ${method} to a marketplace with a client's token`,
          description:
            "The request goes to the first destination of the token type, or to another one after `~host/`: its path, query, headers and body as they are, without the app key. A JSON or form body of up to 64 KiB may have the key, in a member that the type names, if headers and query have none. The answer is the marketplace's own; a `Location` at a destination becomes one of this route, another one `X-Upstream-Location`. With the key of an app that was created with `--bind`, any path but those of this service's calls is the marketplace's. At a token endpoint of the type the proxy answers itself, with the app key as `access_token`. Errors of the proxy are `application/problem+json` with `Proxy-Status: secureproxy; error=…`.",
          security: [{ appKey: [] }],
          response: relayedAnswers,
        },
        onRequest: [checkUpgrade, admitCaller(dependencies, { isKeyRequired: true }), hideType],
        handler: (request, reply) => {
          app.bodyKeys.countForApp(request, reply);
          return makeCall(dependencies, forwardedCall(request, method), request, reply);
        },
      });
    }
  });
}

/** @throws ServiceError request_invalid */
function checkUpgrade(
  { headers: { upgrade = '' } }: FastifyRequest,
  _reply: unknown,
  done: () => void,
): void {
  if (/websocket/i.test(upgrade))
    throw invalid('upgrade', 'WebSockets are not forwarded; other calls of this API are.');
  done();
}

/** The framework would refuse a content type that it cannot parse. */
function hideType({ headers }: FastifyRequest, _reply: unknown, done: () => void): void {
  delete headers['content-type'];
  done();
}

function forwardedCall(request: FastifyRequest, method: Call['method']): Call {
  const { raw, originalUrl, appKey, binding, keyedBody } = request;
  const head = headOf(raw);
  const last = lastCallOf(head);
  const { newest } = last;
  const isSame = newest?.target === originalUrl && newest.binding === binding;
  if (isSame && newest.call.method === method) return newest.call;
  const { headers, timeoutMs } = head.derive(headersOf);
  const target = targetOf(request);
  checkNoAppKey({ url: target.url, headers, body: null, base: target.base });
  request.isBodyStreamed = keyedBody === null && hasBody(raw);
  const body = request.isBodyStreamed ? new StreamedBody(raw, new StreamedKeyWatch()) : keyedBody;
  const call = { ...target, appKey, method, headers, head, timeoutMs, body };
  if (body === null) last.newest = { target: originalUrl, binding, call };
  return call;
}

/** @throws ServiceError request_invalid, grant_denied */
function targetOf({ originalUrl, appKey, binding }: FastifyRequest): ForwardTarget {
  return appKey !== null && isBoundKey(appKey) && mayBeBound(originalUrl)
    ? boundTarget(originalUrl, binding)
    : parseForwardTarget(originalUrl);
}

/** RFC 9112 §6.3. @throws ServiceError request_invalid for codings that would be lost (§6.1) */
function hasBody({ headers }: IncomingMessage): boolean {
  const { 'content-length': length, 'transfer-encoding': coding } = headers;
  if (coding !== undefined && coding.toLowerCase() !== 'chunked')
    throw invalid('transfer_coding', 'The only transfer coding of a body is chunked.');
  return length !== undefined || coding !== undefined;
}

/** The caller's headers in the order and spelling of its own, without the app key and what is for the proxy. */
function headersOf(raw: readonly string[]): Pick<Call, 'timeoutMs'> & { headers: CallerHeaders } {
  // Made an object at the end, since one without a prototype would be slow to read, and it is read several times.
  const headers = new Map<string, string | string[]>();
  let timeoutMs: number | undefined;
  for (let i = 0; i < raw.length; i += 2) {
    const [name = '', value = ''] = [raw[i], raw[i + 1]];
    if (name.toLowerCase() === timeoutHeader) timeoutMs = readTimeout(value);
    else if (appKeysIn(value).length === 0) {
      const before = headers.get(name);
      headers.set(name, before === undefined ? value : [before, value].flat());
    }
  }
  // Requests with equal heads share it.
  return { headers: Object.freeze(Object.fromEntries(headers)), timeoutMs };
}

function readTimeout(text: string): number {
  const ms = /^\d{1,7}$/.test(text) ? Number(text) : 0;
  if (ms >= 1 && ms <= maxTimeoutMs) return ms;
  throw new ServiceError('request_invalid', {
    reason: 'timeout_header',
    detail: `X-SecureProxy-Timeout-Ms is a whole number of milliseconds from 1 to ${maxTimeoutMs}.`,
  });
}
