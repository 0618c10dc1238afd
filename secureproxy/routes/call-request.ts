import { decodeBase64 } from '../../shared/crypto/base64.ts';
import { ServiceError } from '../../shared/errors.ts';
import { problemResponse, problemResponses } from '../../shared/http/problem.ts';
import { nameFault } from '../../shared/names.ts';
import { MethodSchema } from '../../shared/policy/schema.ts';
import { type Static, Type } from '../../shared/schema/type.ts';
import type { Call } from '../call/call.ts';
import { invalid } from '../envelope/faults.ts';
import type { SentBody } from '../envelope/sent-body.ts';
import { checkNoAppKey } from '../http/key-watch.ts';
import type { CallerHeaders } from '../http/request-headers.ts';
import { dependencyStatus } from '../keyserver-client/errors.ts';

const maxApiUriBytes = 65_536;
export const maxTimeoutMs = 3_600_000;

/** The call that an app asks for: the body of `/request_api` and `/explain` (README). */
export const CallRequestSchema = Type.Object(
  {
    ClientId: Type.String({
      minLength: 1,
      maxLength: 255,
      description: "Client whose token is used: the operator's name for a marketplace account",
    }),
    TokenType: Type.String({
      minLength: 1,
      maxLength: 255,
      description: "Type of the client's token",
    }),
    ApiUri: Type.String({
      minLength: 1,
      maxLength: maxApiUriBytes,
      description:
        "URL of the marketplace to call; /path goes to the type's first destination, ~host/path to another one",
    }),
    Method: Type.Optional({ ...MethodSchema, default: 'POST' }),
    Headers: Type.Optional(
      // Not a record, whose pattern would leave out names with a line feed.
      Type.Unsafe<CallerHeaders>({
        type: 'object',
        additionalProperties: Type.Union([Type.String(), Type.Array(Type.String())]),
        description:
          'Headers for the marketplace, up to 200 values and 64 KiB; the proxy adds the credential',
      }),
    ),
    Body: Type.Optional(
      Type.Unsafe<SentBody>({
        description:
          'A string is sent as its text, any other value in the very bytes of its JSON; null with GET, HEAD or DELETE: no body',
      }),
    ),
    BodyBase64: Type.Optional(
      Type.String({ description: 'A binary body in base64; not together with Body' }),
    ),
    TimeoutMs: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: maxTimeoutMs,
        description: 'Timeout of the whole call, milliseconds',
      }),
    ),
  },
  {
    additionalProperties: false,
    examples: [
      {
        ClientId: 'shop-1',
        TokenType: 'ozon-seller',
        ApiUri: 'https://api.marketplace.example/v3/product/list',
        Body: { filter: { visibility: 'ALL' }, limit: 100 },
      },
      {
        ClientId: 'shop-1',
        TokenType: 'ozon-seller',
        ApiUri: 'https://api.marketplace.example/v1/orders?since=2026-01-01',
        Method: 'GET',
        Headers: { Accept: 'application/json' },
        TimeoutMs: 10_000,
      },
    ],
  },
);
/** Error codes of every route that takes a call. */
export const callErrors = [
  'request_invalid',
  'caller_unauthenticated',
  'grant_denied',
  'destination_denied',
  'body_too_large',
  'media_type_unsupported',
  'internal',
  'keyserver_unavailable',
  'overloaded',
] as const;

/** The answers of every route that passes the marketplace's own answer on. */
export const relayedAnswers = {
  ...problemResponses(
    ...callErrors,
    'rate_limited',
    'integrity_failed',
    'upstream_invalid',
    'upstream_unreachable',
    'upstream_timeout',
  ),
  [dependencyStatus]: problemResponse(
    dependencyStatus,
    'token_not_found',
    'type_not_found',
    'token_expired',
  ),
  default: {
    description: "The marketplace's own answer, of any status and type",
    content: { '*/*': { schema: Type.Unknown() } },
  },
};

type CallRequest = Static<typeof CallRequestSchema>;

/** Converts a request's body to a call. @throws ServiceError request_invalid, destination_denied */
export function toCall(appKey: string | null, body: CallRequest): Call {
  checkBody(body);
  const sent = bodyOf(body);
  const call = {
    appKey,
    clientId: body.ClientId,
    tokenType: body.TokenType,
    method: body.Method ?? 'POST',
    url: body.ApiUri,
    headers: headersOf(body.Headers, sent),
    body: sent?.bytes ?? null,
    timeoutMs: body.TimeoutMs,
    base: undefined,
  };
  checkNoAppKey(call);
  return call;
}

/** Checks the rules that a schema cannot express. */
function checkBody({ ApiUri, Body, BodyBase64, ...names }: CallRequest): void {
  checkNames(names);
  if (Body !== undefined && BodyBase64 !== undefined) {
    throw invalid('two_bodies', 'Body and BodyBase64 are both present: send one.');
  }
  // Elsewhere it names another host (RFC 3986 §4.2); as a path of the first destination nobody could mean it.
  if (ApiUri.startsWith('//')) {
    throw new ServiceError('destination_denied', {
      reason: 'url_unparsable',
      detail: 'ApiUri begins with two slashes: write its scheme, as in https://host/.',
    });
  }
  if (isTooLong(ApiUri)) {
    throw invalid(
      'api_uri_long',
      `ApiUri has more than ${maxApiUriBytes} bytes, as JSON in UTF-8.`,
    );
  }
}

/** @throws ServiceError request_invalid */
export function checkNames({
  ClientId,
  TokenType,
}: Pick<CallRequest, 'ClientId' | 'TokenType'>): void {
  checkName('ClientId', ClientId);
  checkName('TokenType', TokenType);
}

function checkName(member: string, name: string): void {
  const fault = nameFault(name);
  if (fault !== undefined) throw invalid('name', `${member} ${fault}.`);
}

/** The schema counts characters, but KeyServer limits the URL's bytes. */
function isTooLong(apiUri: string): boolean {
  const maxBytesPerUnit = 6;
  if (apiUri.length * maxBytesPerUnit <= maxApiUriBytes) return false;
  return Buffer.byteLength(JSON.stringify(apiUri)) > maxApiUriBytes + '""'.length;
}

function headersOf(Headers: CallerHeaders = {}, body: SentBody | undefined): CallerHeaders {
  const names = Object.keys(Headers).map((name) => name.toLowerCase());
  const isJson = body?.kind === 'json' || body?.kind === 'null';
  return {
    ...(names.includes('user-agent') ? {} : { 'user-agent': 'secureproxy' }),
    ...(isJson && !names.includes('content-type') ? { 'content-type': 'application/json' } : {}),
    ...Headers,
  };
}

/** RFC 9110 §9.3.1, §9.3.2, §9.3.5: content in these has no meaning, and serializers write null for none. */
const methodsWithoutContent = new Set(['GET', 'HEAD', 'DELETE']);

function bodyOf({ Body, BodyBase64, Method = 'POST' }: CallRequest): SentBody | undefined {
  if (BodyBase64 !== undefined) {
    try {
      return { bytes: decodeBase64(BodyBase64, 'base64'), kind: 'bytes' };
    } catch {
      throw invalid('base64', 'BodyBase64 is not padded base64 (RFC 4648 §4).');
    }
  }
  return Body?.kind === 'null' && methodsWithoutContent.has(Method) ? undefined : Body;
}
