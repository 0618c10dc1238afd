import { ClosedObject, type Static, Type } from '../schema/type.ts';
import {
  BindingSchema,
  CredentialSchema,
  IssuedTicketSchema,
  maxCacheSeconds,
} from './messages.ts';

const { app } = CredentialSchema.properties;

/** Content of the credential of `POST /whoami`: the proxy's key, and the app's or null (docs/protocol.md §5). */
export const WhoamiCredentialSchema = ClosedObject({ proxy: Type.String(), app });
export type WhoamiCredential = Static<typeof WhoamiCredentialSchema>;

/** Content of the sealed answer of `POST /whoami`: the app that the key, or its absence, belongs to. */
export const WhoamiSchema = Type.Object({
  app: Type.String(),
  bound: Type.Optional(BindingSchema),
  /** No longer than the keys of proxy and app last. */
  cacheSeconds: Type.Integer({ minimum: 0, maximum: maxCacheSeconds }),
  seq: Type.Integer({ minimum: 0 }),
  /** Age of `seq`: time since KeyServer last looked for changes. */
  ageMs: Type.Integer({ minimum: 0 }),
  session: Type.Optional(IssuedTicketSchema),
});
export type Whoami = Static<typeof WhoamiSchema>;
