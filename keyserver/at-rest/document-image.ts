import { OpenError } from '../../shared/crypto/open-error.ts';
import { Compile } from '../../shared/schema/compile.ts';
import { ClosedObject, type Static, Type } from '../../shared/schema/type.ts';
import type { Keyring } from '../keys/keyring.ts';
import type { DocumentKind, DocumentName, DocumentRow } from '../store/store.ts';
import { type DocumentBody, isDocumentBody } from './document-row.ts';

/** The content of a document without callers' keys, which no image brings back. */
export type Keyless<K extends DocumentKind> = Omit<DocumentBody<K>, 'keys'>;

const ImageSchema = ClosedObject({
  /** When the change was made, ISO 8601. */
  at: Type.String(),
  /** The MAC of the next older image; absent: there was none. */
  previous: Type.Optional(Type.String()),
  /** The revision of the document before the change, and its content; absent: there was no document. */
  from: Type.Optional(Type.Integer()),
  before: Type.Optional(Type.Unknown()),
  deleted: Type.Optional(Type.Boolean()),
  undid: Type.Optional(Type.Integer()),
  /** The change's own number; absent: the row's. A later one without an image gives the row its number. */
  change: Type.Optional(Type.Integer()),
  /** When keys alone were changed since, ISO 8601. */
  keysChangedAt: Type.Optional(Type.String()),
});
const validator = Compile(ImageSchema);

/** A document as it was before a change (docs/protocol.md §6). */
export interface DocumentImage<K extends DocumentKind>
  extends Omit<Static<typeof ImageSchema>, 'before'> {
  readonly before?: Keyless<K>;
}

/** The kind that the MAC names, which no document has. */
const macKind = (kind: DocumentKind) => `${kind} image`;

/** Makes the row of an image, with its MAC under the primary key. */
export function sealImage<K extends DocumentKind>(
  keyring: Keyring,
  { kind, id, revision }: DocumentName & Pick<DocumentRow, 'revision'>,
  image: DocumentImage<K>,
): DocumentRow {
  const body = JSON.stringify(image);
  return { ...keyring.sign({ kind: macKind(kind), id, revision, body }), kind };
}

/** Returns the image of a row after verifying its MAC. @throws OpenError for every fault alike */
export function openImage<K extends DocumentKind>(
  keyring: Keyring,
  kind: K,
  row: DocumentRow,
): DocumentImage<K> {
  keyring.verify({ ...row, kind: macKind(kind) });
  const image = JSON.parse(row.body) as DocumentImage<K>;
  const { before } = image;
  if (!validator.Check(image)) throw new OpenError();
  if (before !== undefined && !isDocumentBody(kind, withKeys(kind, before, []))) {
    throw new OpenError();
  }
  return image;
}

export function withoutKeys<K extends DocumentKind>(body: DocumentBody<K>): Keyless<K> {
  const { keys, ...keyless } = body as DocumentBody<K> & { readonly keys?: unknown };
  return keyless;
}

/** The content with these keys, if documents of its kind have any. */
export function withKeys<K extends DocumentKind>(
  kind: K,
  keyless: Keyless<K>,
  keys: DocumentBody<'app' | 'proxy'>['keys'],
): DocumentBody<K> {
  return (kind === 'type' ? keyless : { keys, ...keyless }) as unknown as DocumentBody<K>;
}
