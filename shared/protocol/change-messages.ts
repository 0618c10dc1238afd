import { type Static, Type } from 'typebox';
import { credentialMembers, IssuedTicketSchema, sessionMembers } from './messages.ts';

/** How long an answer of `/changes` holds, from what KeyServer knew then (docs/protocol.md §5). */
export const leaseMs = 5_000;

/** Body of KeyServer's `POST /changes` (docs/protocol.md §5). */
export const ChangesRequestSchema = Type.Object(
  { ...sessionMembers, ...credentialMembers },
  {
    additionalProperties: false,
    examples: [
      {
        session: 'ticket-of-an-earlier-answer',
        timestamp: 1_767_225_600,
        nonce: 'new-for-every-request',
        credential: 'sealed+credential+in+base64',
      },
    ],
  },
);
export type ChangesRequest = Static<typeof ChangesRequestSchema>;

/** What the credential of `POST /changes` holds: who asks, and the last `seq` that it was told. */
export const ChangesCredentialSchema = Type.Object(
  { proxy: Type.String(), since: Type.Integer({ minimum: 0 }) },
  { additionalProperties: false },
);
export type ChangesCredential = Static<typeof ChangesCredentialSchema>;

/** One change. `kind` is token, type, app or proxy: what else comes later is for the reader to fear. */
const ChangeSchema = Type.Object({
  seq: Type.Integer({ minimum: 0 }),
  kind: Type.String(),
  /** Of a type, an app or a proxy; of a token, the client. */
  id: Type.String(),
  /** Of a token only. */
  tokenType: Type.Optional(Type.String()),
});
export type AnnouncedChange = Static<typeof ChangeSchema>;

/** What the sealed answer of `POST /changes` holds. */
export const ChangesSchema = Type.Object({
  /** The last change that KeyServer knows. */
  seq: Type.Integer({ minimum: 0 }),
  changes: Type.Array(ChangeSchema),
  /** True where anything may have changed: `since` is not of this history, or too long ago. */
  reset: Type.Optional(Type.Boolean()),
  /** How long before this answer KeyServer last looked for changes. */
  ageMs: Type.Integer({ minimum: 0 }),
  session: Type.Optional(IssuedTicketSchema),
});
export type Changes = Static<typeof ChangesSchema>;
