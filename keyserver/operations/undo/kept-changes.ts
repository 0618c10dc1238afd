import { type Keyless, withKeys, withoutKeys } from '../../at-rest/document-image.ts';
import type { DocumentKind, DocumentName } from '../../store/store.ts';
import type { Draft, StoredDocuments } from '../changes/drafts.ts';
import type { OperationContext } from '../context.ts';
import { notFound } from '../documents.ts';
import { linesOf } from '../fleet/lines.ts';
import { type ImageChain, readAllImages, readChain } from './chain.ts';

/** All documents, and the before-images of one, as they are stored at one time. */
export interface KeptChanges<K extends DocumentKind> {
  readonly stored: StoredDocuments;
  readonly chain: ImageChain<K>;
}

/** @throws OperationError not_found if there is neither the document nor an image of it */
export async function readKeptChanges<K extends DocumentKind>(
  context: OperationContext,
  name: DocumentName & { readonly kind: K },
): Promise<KeptChanges<K>> {
  const { kind, id } = name;
  const { stored, images } = await readAllImages(context);
  const { row } = stored.get(kind, id);
  const own = images.filter((image) => image.kind === kind && image.id === id);
  if (row === undefined && own.length === 0) throw notFound(kind, id);
  return { stored, chain: readChain(context.keyring, name, row, own) };
}

/** A change as it is listed, newest first. */
export interface ListedChange {
  readonly change: number;
  /** ISO 8601; null if its image does not open. */
  readonly at: string | null;
  /** Its differences, as a plan has them; null if the document before or after it is not known. */
  readonly changes: readonly string[] | null;
}

export function listChanges<K extends DocumentKind>(
  { kind, id }: DocumentName & { readonly kind: K },
  { stored, chain }: KeptChanges<K>,
): ListedChange[] {
  const { before: current } = stored.get(kind, id);
  return chain.changes.map(({ revision, image }, at) => {
    const newer = chain.changes[at - 1]?.image;
    const isKnown = at === 0 ? chain.isCurrent : image?.deleted || newer?.from === revision;
    if (image === undefined || !isKnown) {
      return { change: revision, at: image?.at ?? null, changes: null };
    }
    const now = at === 0 ? current && withoutKeys<K>(current) : newer?.before;
    return { change: revision, at: image.at, changes: differences(kind, id, image.before, now) };
  });
}

function differences<K extends DocumentKind>(
  kind: K,
  id: string,
  before: Keyless<K> | undefined,
  after: Keyless<K> | undefined,
): string[] {
  const body = (keyless: Keyless<K> | undefined) => keyless && withKeys(kind, keyless, []);
  return linesOf({ kind, id, row: undefined, before: body(before), after: body(after) } as Draft);
}
