import { OpenError } from '../../shared/crypto/open-error.ts';
import { GrantSchema, type Policy, PolicySchema } from '../../shared/policy/schema.ts';
import { BindingSchema } from '../../shared/protocol/messages.ts';
import { Compile, type Validator } from '../../shared/schema/compile.ts';
import { ClosedObject, type Static, Type } from '../../shared/schema/type.ts';
import type { Keyring } from '../keys/keyring.ts';
import type { DocumentKind, DocumentRow } from '../store/store.ts';

/** A caller's stored key: its hash, and an expiry (ISO 8601) if a rotation gave it an overlap. */
const CallerKeySchema = ClosedObject({
  hash: Type.String(),
  createdAt: Type.String(),
  expiresAt: Type.Optional(Type.String()),
});
export type CallerKey = Static<typeof CallerKeySchema>;

const AppSchema = ClosedObject({
  keys: Type.Array(CallerKeySchema),
  grants: Type.Array(GrantSchema),
  /** May call KeyServer without a proxy, and so receives tokens itself. */
  direct: Type.Optional(Type.Boolean()),
  /** The client and type of its calls that name neither. */
  bound: Type.Optional(BindingSchema),
});
const Patterns = Type.Optional(Type.Array(Type.String({ minLength: 1 }), { minItems: 1 }));
/** A stored proxy. An empty list is no value: it would open what it seems to close. */
export const ProxySchema = ClosedObject({
  keys: Type.Array(CallerKeySchema),
  /** Patterns, as in grants, of the clients whose tokens it may obtain; absent: all. */
  clients: Patterns,
  types: Patterns,
  /** Names of which its client certificate must have one; absent: it needs none. */
  certificateNames: Patterns,
});

/** The content of each kind of document (docs/protocol.md §6). */
export type DocumentBody<K extends DocumentKind> = {
  type: Policy;
  app: AppDocument;
  proxy: ProxyDocument;
}[K];
export type AppDocument = Static<typeof AppSchema>;
export type ProxyDocument = Static<typeof ProxySchema>;

const validators: Record<DocumentKind, Validator> = {
  type: Compile(PolicySchema),
  app: Compile(AppSchema),
  proxy: Compile(ProxySchema),
};

/** Makes the row of a document, with its MAC under the primary key. */
export function sealDocument<K extends DocumentKind>(
  keyring: Keyring,
  kind: K,
  id: string,
  revision: number,
  content: DocumentBody<K>,
): DocumentRow {
  return keyring.sign({ kind, id, revision, body: JSON.stringify(content) });
}

/** Returns the content of a row after verifying its MAC. @throws OpenError for every fault alike */
export function openDocument<K extends DocumentKind>(
  keyring: Keyring,
  kind: K,
  row: DocumentRow,
): DocumentBody<K> {
  if (row.kind !== kind) throw new OpenError();
  keyring.verify(row);
  return readUnverified(kind, row);
}

/** Returns the content that a row claims, which anybody may have written. @throws OpenError if it has not its form */
export function readUnverified<K extends DocumentKind>(
  kind: K,
  { body }: DocumentRow,
): DocumentBody<K> {
  const content: unknown = JSON.parse(body);
  if (!isDocumentBody(kind, content)) throw new OpenError();
  return content;
}

export function isDocumentBody<K extends DocumentKind>(
  kind: K,
  content: unknown,
): content is DocumentBody<K> {
  return validators[kind].Check(content);
}
