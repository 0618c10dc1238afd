import { ClosedObject, type Static, Type } from '../schema/type.ts';
import { IssuedTicketSchema } from './messages.ts';

/** Validity of an answer of `/changes`, counted from KeyServer's latest look at the changes (docs/protocol.md §5). */
export const leaseMs = 5_000;

/** Pins that a proxy tells; one that has more tells none. */
export const maxToldPins = 64;

/** Content of the credential of `POST /changes`: the proxy's key, and the last `seq` that it received. */
export const ChangesCredentialSchema = ClosedObject({
  proxy: Type.String(),
  since: Type.Integer({ minimum: 0 }),
  /** The only key ids that the proxy accepts; empty: any. Only for a KeyServer that {@link ChangesSchema} says takes them. */
  pins: Type.Optional(Type.Array(Type.String({ maxLength: 64 }), { maxItems: maxToldPins })),
  /** Random id of the proxy's process, as `pins` only for some KeyServers. */
  process: Type.Optional(Type.String({ pattern: '^[A-Za-z0-9_-]{1,64}$' })),
});
export type ChangesCredential = Static<typeof ChangesCredentialSchema>;

/** One change. `kind` is token, type, app or proxy. Treat an unknown kind as "anything may have changed". */
const ChangeSchema = Type.Object({
  seq: Type.Integer({ minimum: 0 }),
  kind: Type.String(),
  /** Id of the type, app or proxy; the client of a token. */
  id: Type.String(),
  tokenType: Type.Optional(Type.String()),
});
export type AnnouncedChange = Static<typeof ChangeSchema>;

export const ChangesSchema = Type.Object({
  /** Random id of the history that `seq` counts in; an earlier KeyServer omits it. */
  history: Type.Optional(Type.String()),
  seq: Type.Integer({ minimum: 0 }),
  changes: Type.Array(ChangeSchema),
  /** True if anything may have changed: `since` is of another history, or too old. */
  reset: Type.Optional(Type.Boolean()),
  /**
   * Time since what `reset` is for. If the proxy has dropped everything since, `changes` are all that it lacks; an
   * earlier KeyServer omits it.
   */
  resetAgeMs: Type.Optional(Type.Integer({ minimum: 0 })),
  /** Age of the answer: time since KeyServer last looked for changes. */
  ageMs: Type.Integer({ minimum: 0 }),
  /** Processes of proxies, of any, that lately told their ids. */
  processes: Type.Optional(Type.Integer({ minimum: 0 })),
  /** True if the next question may have `pins` and `process`: an earlier KeyServer rejects them. */
  takesMore: Type.Optional(Type.Boolean()),
  session: Type.Optional(IssuedTicketSchema),
});
export type Changes = Static<typeof ChangesSchema>;
