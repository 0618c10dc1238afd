import { ClosedObject, optional, type Static, Type } from '../schema/type.ts';
import { InjectionSchema } from './injection/schema.ts';
import { HeaderName } from './injection/values.ts';

/** The methods that a call may have; CONNECT and TRACE are not among them. */
export const methods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'] as const;
export type Method = (typeof methods)[number];
export const MethodSchema = Type.Enum(methods);

export function isMethod(text: string): text is Method {
  return (methods as readonly string[]).includes(text);
}

export const probeVerdicts = [
  'valid',
  'expired',
  'revoked',
  'wrong_kind',
  'limited',
  'unreachable',
  'unclear',
] as const;
export type ProbeVerdict = (typeof probeVerdicts)[number];

const AnswerStatus = Type.Integer({ minimum: 200, maximum: 599 });
const AnswerText = Type.String({ minLength: 1, maxLength: 256 });
const maxUrl = 2048;
const Texts = (maxLength: number, maxItems: number) =>
  Type.Array(Type.String({ minLength: 1, maxLength }), { minItems: 1, maxItems });

/** The meaning of an answer of this status; with `contains`, only if its body has that text. */
export const ProbeMeaningSchema = ClosedObject({
  status: AnswerStatus,
  contains: Type.Optional(AnswerText),
  means: Type.Enum([...probeVerdicts]),
});

/** A call that shows whether a token works, and changes nothing at the marketplace. */
export const ProbeSchema = ClosedObject({
  method: MethodSchema,
  url: Type.String({ minLength: 1, maxLength: maxUrl }),
  headers: Type.Optional(
    Type.Record(HeaderName, Type.String({ maxLength: 1024 }), {
      maxProperties: 20,
      additionalProperties: false,
    }),
  ),
  body: Type.Optional(Type.String({ maxLength: 4096 })),
  /** The first one that fits counts, before those of the statuses themselves. */
  meanings: Type.Optional(Type.Array(ProbeMeaningSchema, { maxItems: 50 })),
});
export type Probe = Static<typeof ProbeSchema>;
/** How often a request is sent again, and of which methods besides GET, HEAD and OPTIONS. */
const RetrySchema = ClosedObject({
  /** Absent: 2. */
  max: Type.Optional(Type.Integer({ minimum: 1, maximum: 5 })),
  methods: Type.Optional(Type.Array(MethodSchema, { minItems: 1, maxItems: 10 })),
});

/** An answer of this status whose body has that text says that a limit was reached. */
export const LimitBodySchema = ClosedObject({ status: AnswerStatus, contains: AnswerText });
export type LimitBody = Static<typeof LimitBodySchema>;

/** How a marketplace says that a limit was reached (docs/protocol.md §8, "Limits"). */
const LimitSignalSchema = ClosedObject({
  /** Statuses of such answers; absent: 420 and 429. */
  statuses: Type.Optional(Type.Array(AnswerStatus, { minItems: 1, maxItems: 20 })),
  /** Answers that say it by a text at the start of their body, besides those of the statuses. */
  bodies: Type.Optional(Type.Array(LimitBodySchema, { minItems: 1, maxItems: 20 })),
  /** Maximum time that one signal stops calls for; absent: 300 seconds. */
  maxSeconds: Type.Optional(Type.Integer({ minimum: 1, maximum: 86_400 })),
});
export type LimitSignal = Static<typeof LimitSignalSchema>;

const ParameterName = Type.String({ maxLength: 128, pattern: '^[!-)+-~]+[*]?$' });
const ParameterNames = Type.Array(ParameterName, { minItems: 1, maxItems: 100 });

/**
 * Parts of a call that select its operation besides method and path (docs/protocol.md §8, "What selects the
 * operation").
 */
const RoutedBySchema = ClosedObject(
  optional({ query: ParameterNames, form: ParameterNames, body: Type.Literal(true) }),
  { minProperties: 1 },
);
export type RoutedBy = Static<typeof RoutedBySchema>;

/** A type's document: the destinations of its tokens and their injection (docs/protocol.md §8). */
export const PolicySchema = ClosedObject({
  destinations: Type.Array(Type.String({ minLength: 1, maxLength: maxUrl }), { maxItems: 1000 }),
  plainDestinations: Type.Optional(Texts(maxUrl, 1000)),
  injection: InjectionSchema,
  ...optional({
    /** Allows `http:` destinations: everyone between can then read the token. */
    unsafePlaintext: Type.Boolean(),
    /** CIDR blocks of private addresses that destinations may resolve to. */
    unsafeAllowPrivate: Type.Array(Type.String(), { maxItems: 100 }),
    /** Certificates, PEM: with them, no other CA is trusted for connections to the destinations. */
    ca: Type.String({ minLength: 1, maxLength: 32_768 }),
    cacheSeconds: Type.Integer({ minimum: 0, maximum: 300 }),
    /** Whether answers are searched for the token's fields; absent means yes. */
    scrub: Type.Boolean(),
    /** Fields of the secret that answers may contain, such as a client id. */
    publicFields: Texts(64, 100),
    /** JSON members whose values are redacted in answers, such as `access_token`. */
    redactMembers: Type.Array(Type.String({ minLength: 2, maxLength: 256 }), {
      minItems: 1,
      maxItems: 100,
    }),
    probe: ProbeSchema,
    /** The preset that it was made of, for operators alone. */
    preset: ClosedObject({
      id: Type.String({ minLength: 1, maxLength: 64 }),
      revision: Type.Integer({ minimum: 1 }),
      auth: Type.String({ minLength: 1, maxLength: 64 }),
      sandbox: Type.Optional(Type.Literal(true)),
    }),
    /** Limits of calls, as `parseLimit` reads them (shared/policy/limit.ts). */
    limits: Texts(maxUrl, 32),
    limitSignal: LimitSignalSchema,
    /** Requests that failed are sent again (docs/protocol.md §8, "Retries"); absent: they are not. */
    retry: RetrySchema,
    routedBy: RoutedBySchema,
    /** Query parameters and headers of callers that are not sent, such as an SDK's own signature. */
    dropQuery: ParameterNames,
    dropHeaders: ParameterNames,
    /**
     * URLs at which SDKs get access tokens: the proxy answers such requests itself, with the caller's own app key
     * (docs/protocol.md §8, "Token endpoints").
     */
    tokenEndpoints: Texts(maxUrl, 100),
    /** Members of JSON and forms in which SDKs have the app key, such as `auth.token`; they are not sent. */
    keyMembers: Texts(256, 100),
    /** The proxy's own errors at `/forward`, as the marketplace's would look (docs/protocol.md §8, "Error bodies"). */
    errorBody: Type.Record(Type.String(), Type.Unknown(), { minProperties: 1, maxProperties: 20 }),
  }),
});
export type Policy = Static<typeof PolicySchema>;

/** The methods and paths that an app may call with tokens of matching clients and types. */
export const GrantSchema = ClosedObject({
  client: Type.String({ minLength: 1 }),
  type: Type.String({ minLength: 1 }),
  /** Absent: every method. */
  methods: Type.Optional(Type.Array(MethodSchema, { minItems: 1 })),
  /** Patterns such as `/v1/orders/*`, optionally with an origin in front; absent: every path. */
  paths: Type.Optional(Type.Array(Type.String({ minLength: 1 }), { minItems: 1 })),
});
export type Grant = Static<typeof GrantSchema>;

export const TargetSchema = ClosedObject({
  method: MethodSchema,
  url: Type.String({ maxLength: 65_536 }),
});
export type Target = Static<typeof TargetSchema>;
