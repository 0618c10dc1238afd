import fc from 'fast-check';
import { brokenValue, jsonText } from './broken-json.ts';
import type { DescribedOperation } from './described.ts';
import { bodyWith, type HttpInput, mediaTypeHeader, someHeaders, someQuery } from './http-input.ts';
import { arbitraryOf } from './schema-arbitrary.ts';

/** How a call names its app: keys stay out of inputs, which may be printed. */
export interface CallerInput {
  readonly key: 'known' | 'unknown' | 'cut' | 'none';
  readonly place: 'bearer' | 'header' | 'query' | 'both';
}

/** A call of `/request_api`, or of `/explain`, without its app key. */
export interface CallInput {
  readonly caller: CallerInput;
  readonly request: HttpInput;
}

/** The calls that an app may make, and the points at which the test makes them fail. */
export interface Granted {
  readonly clientIds: readonly string[];
  readonly tokenType: string;
  readonly origin: string;
  /** A type of which nothing listens at the destination. */
  readonly absent: { readonly tokenType: string; readonly origin: string };
  /** Paths under which the upstream fails. */
  readonly faultPaths: readonly string[];
  /** One under which it does not even answer. */
  readonly silentPath: string;
}

const caller = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.record<CallerInput>({
      key: fc.constant('known'),
      place: fc.constantFrom('bearer', 'header', 'query'),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record<CallerInput>({
      key: fc.constantFrom('known', 'unknown', 'cut', 'none'),
      place: fc.constantFrom('bearer', 'header', 'query', 'both'),
    }),
  },
);

/** Headers that could go upstream, and some that must not. */
const upstreamHeaders = fc.dictionary(
  fc.oneof(
    fc.stringMatching(/^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,20}$/),
    fc.constantFrom(
      ...['Content-Type', 'Content-Length', 'Transfer-Encoding', 'Connection', 'Host', 'Expect'],
      ...['Authorization', 'authorization', 'Cookie', 'Upgrade', 'Keep-Alive', 'TE', 'Trailer'],
      ...['X-Forwarded-For', 'Via', 'Content-Encoding', 'Accept-Encoding', 'Range', 'Client_Id'],
    ),
  ),
  fc.oneof(
    fc.stringMatching(/^[\t\x20-\x7e]{0,30}$/),
    fc.constantFrom(
      'close',
      'chunked',
      '100-continue',
      '0',
      '99999',
      'authorization',
      'evil.example',
    ),
    fc.array(fc.stringMatching(/^[\x20-\x7e]{0,10}$/), { maxLength: 3 }),
  ),
  { maxKeys: 4 },
);

/** How long a call waits for an upstream that is silent, so that the settings' limits need not be short. */
const silenceMs = 1000;

/** Calls made from the schema: many that are granted, the rest beside it in one way or another. */
export function callInputs(
  { path, body: schema = {} }: Pick<DescribedOperation, 'path' | 'body'>,
  granted: Granted,
): fc.Arbitrary<CallInput> {
  const fitting = arbitraryOf(schema) as fc.Arbitrary<Record<string, unknown>>;
  const grantedCall = fc
    .record({
      any: fitting,
      target: grantedTarget(granted),
      headers: fc.option(upstreamHeaders),
      bytes: fc.option(fc.uint8Array().map((raw) => Buffer.from(raw).toString('base64'))),
      isHasty: fc.integer({ min: 0, max: 3 }).map((one) => one === 0),
    })
    .map(({ any, target, headers, bytes, isHasty }) => {
      const { Headers: _headers, BodyBase64: _bytes, Body, TimeoutMs, ...rest } = any;
      return {
        ...rest,
        ...(isHasty ? { TimeoutMs } : {}),
        ...target,
        ...(headers === null ? {} : { Headers: headers }),
        ...(bytes === null ? { Body } : { BodyBase64: bytes }),
      };
    });
  const json = fc.oneof(
    { weight: 6, arbitrary: grantedCall.map((value) => JSON.stringify(value)) },
    { weight: 2, arbitrary: fitting.map((value) => JSON.stringify(value)) },
    { weight: 3, arbitrary: jsonText(brokenValue(grantedCall)) },
    { weight: 1, arbitrary: jsonText(brokenValue(fitting)) },
  );
  return fc
    .record({
      caller,
      sent: bodyWith(json),
      headers: fc.oneof(
        { weight: 3, arbitrary: fc.constant<[string, string][]>([]) },
        { weight: 1, arbitrary: someHeaders },
      ),
      query: someQuery,
    })
    .map(({ caller, sent, headers, query }) => ({
      caller,
      request: {
        method: 'POST',
        path: path + query,
        headers: [...headers, ...mediaTypeHeader(sent.mediaType)],
        body: sent.body,
        asLatin1: sent.asLatin1,
      },
    }));
}

function grantedTarget(granted: Granted) {
  const { clientIds, tokenType, origin, absent, faultPaths, silentPath } = granted;
  const path = fc
    .tuple(
      fc.oneof(
        fc.webPath(),
        fc.string({ unit: 'grapheme', maxLength: 30 }).map((text) => `/${text}`),
      ),
      fc.option(fc.oneof(fc.webQueryParameters(), fc.string({ unit: 'grapheme', maxLength: 30 }))),
    )
    .map(([path, query]) => (query === null ? path : `${path}?${query}`));
  const ClientId = fc.constantFrom(...clientIds);
  const at = (type: string, url: fc.Arbitrary<string>) =>
    fc.record({ ClientId, TokenType: fc.constant(type), ApiUri: url });
  return fc.oneof(
    {
      weight: 10,
      arbitrary: at(
        tokenType,
        path.map((path) => `${origin}/v1${path}`),
      ),
    },
    {
      weight: 1,
      arbitrary: fc.constantFrom(...faultPaths).chain((path) => {
        const target = at(tokenType, fc.constant(origin + path));
        return path === silentPath
          ? target.map((call) => ({ ...call, TimeoutMs: silenceMs }))
          : target;
      }),
    },
    {
      weight: 1,
      arbitrary: at(
        absent.tokenType,
        path.map((path) => absent.origin + path),
      ),
    },
    { weight: 1, arbitrary: at(tokenType, nearMisses(origin)) },
  );
}

/** Addresses that look like the granted one, or like something better. */
function nearMisses(origin: string): fc.Arbitrary<string> {
  const { host, port } = new URL(origin);
  return fc.oneof(
    fc.constantFrom(
      ...[`${origin}@evil.example/`, `http://user:pass@${host}/`, `http://${host}.evil.example/`],
      ...[`${origin}/v1/../x`, `${origin}/v1/%2e%2e/x`, `${origin}\\v1`, `${origin}/#fragment`],
      ...[`HTTP://${host}/`, `http://LOCALHOST:${port}/`, `http://127.1:${port}/`, `//${host}/`],
      ...[
        `http://[::1]:${port}/`,
        `http://2130706433:${port}/`,
        `https://${host}/`,
        `ftp://${host}/`,
      ],
      ...['http://169.254.169.254/latest', 'file:///etc/passwd', 'data:,x', 'javascript:1', '/v1'],
      ...[`${origin}/\u0000`, `${origin}/v1\r\nX: 1`, ` ${origin}/v1`, `http://${host}:99999/`],
    ),
    fc.webUrl(),
    fc.webUrl().map((url) => `${origin}${url}`),
  );
}
