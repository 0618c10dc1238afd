import { type Static, type TSchema, Type } from 'typebox';
import { Compile, type Validator } from 'typebox/compile';
import { checkDocumentMac, documentMac } from '../../shared/crypto/document-mac.ts';
import { OpenError } from '../../shared/crypto/open-error.ts';
import { GrantSchema, PolicySchema } from '../../shared/policy/schema.ts';
import type { Keyring } from '../keys/keyring.ts';
import type { DocumentKind, DocumentRow } from '../store/store.ts';

/** A caller's key as stored: its hash, and an end (ISO 8601) where a rotation left it an overlap. */
const CallerKeySchema = Type.Object(
  { hash: Type.String(), createdAt: Type.String(), expiresAt: Type.Optional(Type.String()) },
  { additionalProperties: false },
);
export type CallerKey = Static<typeof CallerKeySchema>;

const AppSchema = Type.Object(
  {
    keys: Type.Array(CallerKeySchema),
    grants: Type.Array(GrantSchema),
    /** May ask KeyServer itself and so gets tokens into its own hands. */
    direct: Type.Optional(Type.Boolean()),
  },
  { additionalProperties: false },
);
const ProxySchema = Type.Object(
  { keys: Type.Array(CallerKeySchema) },
  { additionalProperties: false },
);

const schemas = { type: PolicySchema, app: AppSchema, proxy: ProxySchema } satisfies Record<
  DocumentKind,
  TSchema
>;

/** The content of each kind of document (docs/protocol.md §6). */
export type DocumentBody<K extends DocumentKind> = Static<(typeof schemas)[K]>;
export type AppDocument = DocumentBody<'app'>;
export type ProxyDocument = DocumentBody<'proxy'>;

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
  const context = { kid: keyring.primaryKid, kind, id, revision, body: JSON.stringify(content) };
  return { ...context, kind, mac: documentMac(keyring.primary('documents'), context) };
}

/** The content of a row whose MAC is right. @throws OpenError whatever is wrong with it. */
export function openDocument<K extends DocumentKind>(
  keyring: Keyring,
  kind: K,
  row: DocumentRow,
): DocumentBody<K> {
  const key = keyring.lookup('documents')(row.kid);
  if (key === undefined || row.kind !== kind) throw new OpenError();
  checkDocumentMac(key, row, row.mac);
  const content: unknown = JSON.parse(row.body);
  if (!validators[kind].Check(content)) throw new OpenError();
  return content as DocumentBody<K>;
}
