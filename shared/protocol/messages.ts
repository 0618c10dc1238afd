import { type Static, Type } from 'typebox';
import { GrantSchema, PolicySchema, TargetSchema } from '../policy/schema.ts';

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

/** How any request names its session. */
export const sessionMembers = {
  sessionKey: Type.Optional(
    Type.String({ maxLength: 2048, description: 'base64 of RSA-OAEP over 32 random bytes' }),
  ),
  session: Type.Optional(
    Type.String({
      maxLength: 1024,
      description: 'Ticket of an earlier answer, in place of sessionKey',
    }),
  ),
  keyId: Type.Optional(
    Type.String({
      maxLength: 64,
      description: 'Which public key wrapped sessionKey; absent: the primary',
    }),
  ),
};

/** What binds and carries a credential. */
export const credentialMembers = {
  timestamp: Type.Integer({ minimum: 0, description: 'Unix seconds, within 60 of ours' }),
  nonce: Type.String({ pattern: '^[A-Za-z0-9_-]{16,64}$' }),
  credential: Type.String({
    maxLength: 98_304,
    description: 'base64, sealed under the session key',
  }),
};

/** Body of KeyServer's `POST /` (docs/protocol.md §4). */
export const ReleaseRequestSchema = Type.Object(
  {
    ...sessionMembers,
    clientId: Type.String({ minLength: 1, maxLength: 255 }),
    tokenType: Type.String({ minLength: 1, maxLength: 255 }),
    timestamp: Type.Optional(credentialMembers.timestamp),
    nonce: Type.Optional(credentialMembers.nonce),
    credential: Type.Optional(credentialMembers.credential),
  },
  {
    additionalProperties: false,
    examples: [
      {
        sessionKey: 'wrapped+session+key+in+base64',
        keyId: 'key-id-in-base64url',
        clientId: 'shop-1',
        tokenType: 'ozon-seller',
        timestamp: 1_767_225_600,
        nonce: 'new-for-every-request',
        credential: 'sealed+credential+in+base64',
      },
      {
        session: 'ticket-of-an-earlier-answer',
        clientId: 'shop-1',
        tokenType: 'ozon-seller',
        timestamp: 1_767_225_600,
        nonce: 'new-for-every-request',
        credential: 'sealed+credential+in+base64',
      },
      { sessionKey: 'wrapped+session+key+in+base64', clientId: 'shop-1', tokenType: 'ozon-seller' },
    ],
  },
);
export type ReleaseRequest = Static<typeof ReleaseRequestSchema>;

/** Answer of KeyServer's `POST /`: base64 of the sealed {@link ReleaseSchema}. */
export const ReleaseAnswerSchema = Type.Object(
  { token: Type.String({ description: 'base64, sealed under the session key' }) },
  { examples: [{ token: 'sealed+release+in+base64' }] },
);

/** The ticket that stands for a new session from now on, and for how many seconds. */
export const IssuedTicketSchema = Type.Object({
  ticket: Type.String(),
  expiresIn: Type.Integer({ minimum: 0 }),
});
export type IssuedTicket = Static<typeof IssuedTicketSchema>;

/** What a sealed credential holds (docs/protocol.md §4). */
export const CredentialSchema = Type.Object(
  {
    proxy: Type.Union([Type.String(), Type.Null()]),
    app: Type.Union([Type.String(), Type.Null()]),
    target: Type.Optional(TargetSchema),
    /** Asks for the decision and its steps in place of a token (shared/protocol/explanation.ts). */
    explain: Type.Optional(Type.Boolean()),
  },
  { additionalProperties: false },
);
export type Credential = Static<typeof CredentialSchema>;

/** What a sealed answer holds (docs/protocol.md §5). An unknown policy member makes it unusable. */
export const ReleaseSchema = Type.Object({
  /** Id of the app that the release is for, for the proxy's log. */
  app: Type.String(),
  fields: Type.Record(Type.String(), Type.String()),
  policy: PolicySchema,
  /** Those of the app's grants that match the client and the type. */
  grants: Type.Array(GrantSchema),
  cacheSeconds: Type.Integer({ minimum: 0, maximum: 300 }),
  /** Seconds until the token ends; null where it never does. */
  expiresIn: Type.Union([Type.Integer({ minimum: 0 }), Type.Null()]),
  seq: Type.Integer({ minimum: 0 }),
  /** How long before this answer KeyServer last looked for changes; an earlier KeyServer does not say. */
  ageMs: Type.Optional(Type.Integer({ minimum: 0 })),
  session: Type.Optional(IssuedTicketSchema),
});
export type Release = Static<typeof ReleaseSchema>;
