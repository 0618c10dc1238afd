import { InjectionSchema } from '../../shared/policy/injection/schema.ts';
import { LimitBodySchema, MethodSchema, ProbeMeaningSchema } from '../../shared/policy/schema.ts';
import { ClosedObject, optional, type Static, Type } from '../../shared/schema/type.ts';

const Text = Type.String({ minLength: 1, maxLength: 2000 });
const Name = Type.String({ pattern: '^[a-z0-9]+(?:-[a-z0-9]+)*$' });
const Names = Type.Array(Type.String({ minLength: 1, maxLength: 256 }), { minItems: 1 });

/** How sure a fact is, from best to worst. */
export const certainties = {
  official: "read in the marketplace's own pages or specification",
  standard: 'as a public standard has it',
  client: 'read in public client code',
  secondary: 'read in other public pages',
  unverified: 'known, but checked nowhere',
  inferred: 'made after the pattern of other facts',
  unknown: 'not found',
} as const;
export type Certainty = keyof typeof certainties;

/** How sure a fact is, and the numbers of its sources in the preset's list, from 1. */
const fact = {
  certainty: Type.Enum(Object.keys(certainties) as Certainty[]),
  from: Type.Array(Type.Integer({ minimum: 1 })),
};
const Remark = ClosedObject({ text: Text, ...fact });

const HostSchema = ClosedObject({
  /** A host name; `{shop}` stands for one label, which differs by account. */
  host: Type.String({ pattern: '^(?:\\{shop\\}|[a-z0-9-]+)(?:\\.[a-z0-9-]+)+$' }),
  /** Tokens go to paths under it alone. */
  path: Type.Optional(Type.String({ pattern: '^(?:/[A-Za-z0-9_-][A-Za-z0-9._-]*)+$' })),
  /** Tokens go to hosts of `production`, or of `sandbox`, alone. */
  is: Type.Enum(['production', 'sandbox', 'sign-in', 'other']),
  use: Type.Optional(Text),
  /** The ways to authenticate that it is for; absent: all. */
  auth: Type.Optional(Type.Array(Name, { minItems: 1 })),
  ...fact,
});

const needs = ['renewal', 'signing', 'body', 'cookies', 'injection'] as const;
export type Need = (typeof needs)[number];

const OauthSchema = ClosedObject({
  tokenUrl: Text,
  refreshUrl: Type.Optional(Text),
  authorizeUrl: Type.Optional(Text),
  grants: Names,
  clientAuth: Text,
  format: Text,
  scope: Type.Optional(Text),
  accessSeconds: Type.Optional(Type.Integer({ minimum: 1 })),
  refreshSeconds: Type.Optional(Type.Integer({ minimum: 1 })),
  /** `none`: a refresh token stays; `grace`: the old one works for a while; `single`: it is used once. */
  rotation: Type.Enum(['none', 'grace', 'single', 'unknown']),
  reuse: Type.Optional(Type.Enum(['harmless', 'revokes'])),
});

const SigningSchema = ClosedObject({
  algorithm: Text,
  key: Text,
  text: Text,
  encoding: Text,
  bodySigned: Type.Boolean(),
  skewSeconds: Type.Optional(Type.Integer({ minimum: 1 })),
  parameters: Names,
});

const FieldSchema = ClosedObject({
  what: Text,
  /** It is not secret: answers may contain it. */
  isPublic: Type.Optional(Type.Literal(true)),
  /** The form that every such secret has. */
  form: Type.Optional(Type.Enum(['jwt', 'uuid', 'wildberries-token'])),
  /** A pattern of secrets that no other marketplace issues. */
  own: Type.Optional(Text),
});

const AuthSchema = ClosedObject({
  id: Name,
  /** Absent if it has none in this version. */
  injection: Type.Optional(InjectionSchema),
  fields: Type.Record(Type.String(), FieldSchema, { minProperties: 1 }),
  needs: Type.Optional(Type.Array(Type.Enum([...needs]), { minItems: 1 })),
  oauth: Type.Optional(OauthSchema),
  signing: Type.Optional(SigningSchema),
  note: Type.Optional(Text),
  ...fact,
});
export type Auth = Static<typeof AuthSchema>;

/** The known facts of a marketplace's API: a file of this folder (docs/presets.md). */
export const PresetSchema = ClosedObject({
  id: Name,
  name: Text,
  /** Grows with each change that a type would notice. */
  revision: Type.Integer({ minimum: 1 }),
  checked: Type.String({ pattern: '^20\\d\\d-[01]\\d$' }),
  sources: Type.Array(Text, { minItems: 1 }),
  create: Remark,
  /** Empty if every account has a host of its own. */
  hosts: Type.Array(HostSchema),
  /** The first one is the default. */
  auth: Type.Array(AuthSchema, { minItems: 1 }),
  callerHeaders: Type.Optional(
    Type.Array(ClosedObject({ name: Text, value: Text, why: Text, ...fact })),
  ),
  limits: Type.Array(
    /** `limit`: as a type has it, if it holds for every account. */
    ClosedObject({ text: Text, limit: Type.Optional(Text), ...fact }),
  ),
  signals: ClosedObject({
    status: Type.Array(Type.Integer({ minimum: 200, maximum: 599 })),
    headers: Type.Optional(Type.Record(Type.String(), Text)),
    body: Type.Optional(Text),
    /** Texts of bodies that say it, beside the statuses that every type has. */
    bodies: Type.Optional(Type.Array(LimitBodySchema, { minItems: 1 })),
    ...fact,
  }),
  expiry: ClosedObject({
    text: Text,
    seconds: Type.Optional(Type.Integer({ minimum: 1 })),
    ...fact,
  }),
  ...optional({
    /** A call that shows whether a credential works and changes nothing. */
    probe: ClosedObject({
      method: MethodSchema,
      path: Type.String({ pattern: '^/' }),
      /** Absent: the first destination. */
      host: Type.Optional(Text),
      auth: Type.Optional(Type.Array(Name, { minItems: 1 })),
      headers: Type.Optional(Type.Record(Type.String(), Type.String())),
      body: Type.Optional(Type.String()),
      meanings: Type.Optional(Type.Array(ProbeMeaningSchema)),
      ...fact,
    }),
    routedBy: ClosedObject({
      query: Type.Optional(Names),
      form: Type.Optional(Names),
      body: Type.Optional(Type.Literal(true)),
      ...fact,
    }),
    /** Parts of a signature that an SDK makes for itself. */
    drops: ClosedObject({ query: Type.Optional(Names), headers: Type.Optional(Names), ...fact }),
    /** How its own errors look, for those of the proxy (docs/protocol.md §8, "Error bodies"). */
    errors: ClosedObject({ body: Type.Record(Type.String(), Type.Unknown()), ...fact }),
    /** Lines of a program that change; PROXY, CLIENT and TYPE stand for its values. */
    sdks: Type.Array(ClosedObject({ language: Text, name: Text, lines: Names, ...fact })),
  }),
  notes: Type.Array(Remark),
});
export type Preset = Static<typeof PresetSchema>;
