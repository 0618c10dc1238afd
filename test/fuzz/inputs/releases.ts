import fc from 'fast-check';
import { brokenValue, jsonText } from './broken-json.ts';
import { mediaTypeHeader, someMediaType } from './http-input.ts';
import { arbitraryOf, type Schema } from './schema-arbitrary.ts';
import { anyText } from './texts.ts';

/** The caller's name: keys stay out of inputs, which may be printed. */
const caller = fc.oneof(
  { weight: 6, arbitrary: fc.constant('known' as const) },
  { weight: 1, arbitrary: fc.constantFrom('unknown' as const, 'cut' as const, 'none' as const) },
);
const method = fc.constantFrom('GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS');

/** `POST /` sealed as a proxy seals it, sound or with faults inside the seal or of it. */
export interface SealedInput {
  readonly kind: 'sealed';
  /** A new session key costs the service an RSA operation, a ticket none. */
  readonly session: 'ticket' | 'new';
  readonly clientId: string;
  readonly tokenType: string;
  readonly credential:
    | {
        readonly proxy: CallerKind;
        readonly app: CallerKind;
        readonly target: { readonly method: string; readonly url: string };
        readonly explain?: boolean | undefined;
      }
    | { readonly text: string };
  readonly skewSeconds: number;
  readonly nonce: string;
  /** A member of the sealed request that is changed on the way. */
  readonly tampered: { readonly member: string; readonly at: number } | null;
}
export type CallerKind = 'known' | 'unknown' | 'cut' | 'none';

/** `POST /` with a body as it is. */
export interface UnsealedInput {
  readonly kind: 'unsealed';
  readonly body: string;
  readonly headers: readonly (readonly [string, string])[];
}

/** Requests to KeyServer: most as a proxy sends them, the rest made from the schema, valid or not. */
export function releaseInputs(
  schema: Schema,
  granted: {
    readonly clientIds: readonly string[];
    readonly tokenType: string;
    readonly origin: string;
  },
): fc.Arbitrary<SealedInput | UnsealedInput> {
  const path = fc.webPath().map((path) => `${granted.origin}/v1${path}`);
  const sealed = fc.record<SealedInput>({
    kind: fc.constant('sealed'),
    session: fc.oneof(
      { weight: 7, arbitrary: fc.constant('ticket' as const) },
      { weight: 1, arbitrary: fc.constant('new' as const) },
    ),
    clientId: fc.oneof(
      { weight: 9, arbitrary: fc.constantFrom(...granted.clientIds) },
      { weight: 1, arbitrary: anyText({ minLength: 1, maxLength: 60 }) },
    ),
    tokenType: fc.oneof(
      { weight: 9, arbitrary: fc.constant(granted.tokenType) },
      { weight: 1, arbitrary: anyText({ minLength: 1, maxLength: 60 }) },
    ),
    credential: fc.oneof(
      {
        weight: 9,
        arbitrary: fc.record({
          proxy: caller,
          app: caller,
          explain: fc.constantFrom(undefined, undefined, true),
          target: fc.record({
            method,
            url: fc.oneof(
              { weight: 9, arbitrary: path },
              { weight: 1, arbitrary: fc.oneof(fc.webUrl(), anyText({ maxLength: 200 })) },
            ),
          }),
        }),
      },
      { weight: 1, arbitrary: fc.record({ text: jsonText(brokenValue(fc.object())) }) },
    ),
    skewSeconds: fc.oneof(
      { weight: 12, arbitrary: fc.integer({ min: -50, max: 50 }) },
      { weight: 1, arbitrary: fc.integer({ min: -4_000_000, max: 4_000_000 }) },
    ),
    nonce: fc.stringMatching(/^[A-Za-z0-9_-]{16,64}$/),
    tampered: fc.oneof(
      { weight: 5, arbitrary: fc.constant(null) },
      {
        weight: 1,
        arbitrary: fc.record({
          member: fc.constantFrom(...Object.keys(schema.properties ?? {})),
          at: fc.nat(),
        }),
      },
    ),
  });
  const fitting = arbitraryOf(schema);
  const unsealed = fc
    .tuple(
      fc.oneof(
        fitting.map((value) => JSON.stringify(value)),
        jsonText(brokenValue(fitting)),
      ),
      someMediaType,
    )
    .map(
      ([body, mediaType]): UnsealedInput => ({
        kind: 'unsealed',
        body,
        headers: mediaTypeHeader(mediaType),
      }),
    );
  return fc.oneof({ weight: 2, arbitrary: sealed }, { weight: 1, arbitrary: unsealed });
}

/** Changes one character of a member, or takes the member away. */
export function tamper(
  request: object,
  { member, at }: { readonly member: string; readonly at: number },
): object {
  const entries = Object.entries(request).flatMap(([name, value]): [string, unknown][] => {
    if (name !== member) return [[name, value]];
    if (at % 7 === 0) return [];
    if (typeof value !== 'string' || value === '') return [[name, Number(value) + 1]];
    const place = at % value.length;
    return [
      [
        name,
        `${value.slice(0, place)}${value[place] === 'A' ? 'B' : 'A'}${value.slice(place + 1)}`,
      ],
    ];
  });
  return Object.fromEntries(entries);
}
