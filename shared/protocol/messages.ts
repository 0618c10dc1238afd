import { GrantSchema, PolicySchema, TargetSchema } from '../policy/schema.ts';
import { ClosedObject, optional, type Static, Type } from '../schema/type.ts';

/** Maximum age of a cached answer under a lease (docs/protocol.md §5). */
export const maxCacheSeconds = 300;

/** Answer of `/public_key` (docs/protocol.md §3). */
export const PublicKeyAnswerSchema = Type.Object(
  {
    public_key: Type.String({ description: 'SPKI in PEM' }),
    keyId: Type.String({ description: 'base64url(SHA-256(SPKI DER))' }),
    algorithm: Type.Literal('RSA-OAEP-256'),
  },
  {
    examples: [
      {
        public_key: '-----BEGIN PUBLIC KEY-----\n…\n-----END PUBLIC KEY-----\n',
        keyId: 'key-id-in-base64url',
        algorithm: 'RSA-OAEP-256',
      },
    ],
  },
);
export type PublicKeyAnswer = Static<typeof PublicKeyAnswerSchema>;

const sessionMembers = optional({
  sessionKey: Type.String({
    maxLength: 2048,
    description: 'base64 of 32 random bytes wrapped with RSA-OAEP',
  }),
  session: Type.String({
    maxLength: 1024,
    description: 'Ticket from an earlier answer, instead of sessionKey',
  }),
  keyId: Type.String({
    maxLength: 64,
    description: 'Id of the public key that wrapped sessionKey; absent: the primary key',
  }),
});

const tokenMembers = {
  clientId: Type.String({ minLength: 1, maxLength: 255 }),
  tokenType: Type.String({ minLength: 1, maxLength: 255 }),
};

const credentialMembers = {
  timestamp: Type.Integer({
    minimum: 0,
    description: "Unix seconds, at most 60 from KeyServer's clock",
  }),
  nonce: Type.String({ pattern: '^[A-Za-z0-9_-]{16,64}$' }),
  credential: Type.String({
    maxLength: 98_304,
    description: 'base64, sealed with the session key',
  }),
};

const sessionKey = 'wrapped+session+key+in+base64';
const session = 'ticket-of-an-earlier-answer';
const tokenExample = { clientId: 'shop-1', tokenType: 'ozon-seller' };
const credentialExample = {
  timestamp: 1_767_225_600,
  nonce: 'new-for-every-request',
  credential: 'sealed+credential+in+base64',
};

/** Body of KeyServer's `POST /changes` and `POST /whoami` (docs/protocol.md §5). */
export const QuestionRequestSchema = ClosedObject(
  { ...sessionMembers, ...credentialMembers },
  { examples: [{ session, ...credentialExample }] },
);
export type QuestionRequest = Static<typeof QuestionRequestSchema>;

/** Body of KeyServer's `POST /` (docs/protocol.md §4). */
export const ReleaseRequestSchema = ClosedObject(
  {
    ...sessionMembers,
    ...tokenMembers,
    ...optional(credentialMembers),
  },
  {
    examples: [
      { sessionKey, keyId: 'key-id-in-base64url', ...tokenExample, ...credentialExample },
      { session, ...tokenExample, ...credentialExample },
      { sessionKey, ...tokenExample },
    ],
  },
);
export type ReleaseRequest = Static<typeof ReleaseRequestSchema>;

/** Answer of KeyServer's `POST /`: base64 of the sealed {@link ReleaseSchema}. */
export const ReleaseAnswerSchema = Type.Object(
  { token: Type.String({ description: 'base64, sealed with the session key' }) },
  { examples: [{ token: 'sealed+release+in+base64' }] },
);

/** A ticket that names the new session in later requests; `expiresIn` is in seconds. */
export const IssuedTicketSchema = Type.Object({
  ticket: Type.String(),
  expiresIn: Type.Integer({ minimum: 0 }),
});
export type IssuedTicket = Static<typeof IssuedTicketSchema>;

/** Content of a sealed credential (docs/protocol.md §4). */
export const CredentialSchema = ClosedObject({
  proxy: Type.Union([Type.String(), Type.Null()]),
  app: Type.Union([Type.String(), Type.Null()]),
  target: Type.Optional(TargetSchema),
  /** Asks for the type's probe, in place of a target: the asker does not know the policy yet. */
  probe: Type.Optional(Type.Literal(true)),
  /** Requests the steps of the decision instead of a token (shared/protocol/explanation.ts). */
  explain: Type.Optional(Type.Boolean()),
});
export type Credential = Static<typeof CredentialSchema>;

/** The client and type that calls go to whose app key alone tells where (docs/bound-keys.md). */
export const BindingSchema = ClosedObject(tokenMembers);
export type Binding = Static<typeof BindingSchema>;

/** Content of a sealed answer (docs/protocol.md §5). A proxy must reject it if the policy has an unknown member. */
export const ReleaseSchema = Type.Object({
  /** Id of the app, for the proxy's log. */
  app: Type.String(),
  bound: Type.Optional(BindingSchema),
  fields: Type.Record(Type.String(), Type.String()),
  policy: PolicySchema,
  /** The grants of the app that match the client and the type. */
  grants: Type.Array(GrantSchema),
  cacheSeconds: Type.Integer({ minimum: 0, maximum: maxCacheSeconds }),
  /** Seconds until the token expires; null if it never does. */
  expiresIn: Type.Union([Type.Integer({ minimum: 0 }), Type.Null()]),
  seq: Type.Integer({ minimum: 0 }),
  /** Age of `seq`: time since KeyServer last looked for changes. An earlier KeyServer omits it. */
  ageMs: Type.Optional(Type.Integer({ minimum: 0 })),
  session: Type.Optional(IssuedTicketSchema),
});
export type Release = Static<typeof ReleaseSchema>;
