import { type Static, Type } from 'typebox';

/** Methods that a call may have; CONNECT and TRACE never. */
export const methods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'] as const;
export type Method = (typeof methods)[number];
export const MethodSchema = Type.Enum(methods);

export function isMethod(text: string): text is Method {
  return (methods as readonly string[]).includes(text);
}

/** Templates have `{field}` placeholders that name the secret's fields, and plain text around them. */
const Template = Type.String({ minLength: 1, maxLength: 4096 });
const ParameterName = Type.String({ pattern: '^[\\x21-\\x7e]{1,256}$' });
const HeaderName = Type.String({ pattern: "^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,256}$" });

export const InjectionSchema = Type.Union([
  Type.Object(
    {
      scheme: Type.Literal('headers'),
      headers: Type.Record(HeaderName, Template, { minProperties: 1, additionalProperties: false }),
    },
    { additionalProperties: false },
  ),
  Type.Object(
    {
      scheme: Type.Literal('query'),
      query: Type.Record(ParameterName, Template, {
        minProperties: 1,
        additionalProperties: false,
      }),
    },
    { additionalProperties: false },
  ),
  Type.Object(
    { scheme: Type.Literal('basic'), username: Template, password: Template },
    { additionalProperties: false },
  ),
]);
export type Injection = Static<typeof InjectionSchema>;

export const defaultInjection: Injection = {
  scheme: 'headers',
  headers: { Authorization: 'Bearer {token}' },
};

/** A type's document: where its tokens may go and how they are put on a request (docs/protocol.md §8). */
export const PolicySchema = Type.Object(
  {
    destinations: Type.Array(Type.String({ minLength: 1, maxLength: 2048 }), { maxItems: 1000 }),
    injection: InjectionSchema,
    /** Allows `http:` destinations: the token then crosses the network readable by everyone on the way. */
    unsafePlaintext: Type.Optional(Type.Boolean()),
    /** CIDR blocks of private addresses that destinations may resolve to. */
    unsafeAllowPrivate: Type.Optional(Type.Array(Type.String(), { maxItems: 100 })),
    /** How long a proxy may keep a release, in seconds. */
    cacheSeconds: Type.Optional(Type.Integer({ minimum: 0, maximum: 300 })),
    /** Whether answers are searched for the token's fields; absent means yes. */
    scrub: Type.Optional(Type.Boolean()),
    /** Fields of the secret that are not secret, so that answers may have them. */
    publicFields: Type.Optional(
      Type.Array(Type.String({ minLength: 1, maxLength: 64 }), { minItems: 1, maxItems: 100 }),
    ),
    /** JSON members of answers that never reach a caller, such as `access_token`. */
    redactMembers: Type.Optional(
      Type.Array(Type.String({ minLength: 2, maxLength: 256 }), { minItems: 1, maxItems: 100 }),
    ),
  },
  { additionalProperties: false },
);
export type Policy = Static<typeof PolicySchema>;

/** What an app may do with the tokens of matching clients and types. */
export const GrantSchema = Type.Object(
  {
    client: Type.String({ minLength: 1 }),
    type: Type.String({ minLength: 1 }),
    /** Absent: every method. */
    methods: Type.Optional(Type.Array(MethodSchema, { minItems: 1 })),
    /** Absent: every path. `/v1/orders/*`, optionally with an origin in front. */
    paths: Type.Optional(Type.Array(Type.String({ minLength: 1 }), { minItems: 1 })),
  },
  { additionalProperties: false },
);
export type Grant = Static<typeof GrantSchema>;

/** The request that a token is wanted for. */
export const TargetSchema = Type.Object(
  { method: MethodSchema, url: Type.String({ maxLength: 65_536 }) },
  { additionalProperties: false },
);
export type Target = Static<typeof TargetSchema>;
