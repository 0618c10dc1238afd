import { type Keyless, withKeys, withoutKeys } from '../../at-rest/document-image.ts';
import type { DocumentKind, DocumentName } from '../../store/store.ts';
import { type Draft, StoredDocuments } from '../changes/drafts.ts';
import type { OperationContext } from '../context.ts';
import { notFound } from '../documents.ts';
import { linesOf } from '../fleet/lines.ts';
import { type ImageChain, type KeptChange, readChain } from './chain.ts';

/** A change as it is listed. */
export interface ListedChange {
  readonly change: number;
  /** ISO 8601; null if its image does not open. */
  readonly at: string | null;
  /** Its differences, as a plan has them; null if the document before or after it is not known. */
  readonly changes: readonly string[] | null;
}

/** All documents, and the changes of one, as they are stored at one time. */
export interface KeptChanges<K extends DocumentKind> {
  readonly stored: StoredDocuments;
  readonly chain: ImageChain;
  /** The newest change, with its image. */
  readonly last: KeptChange<K> | undefined;
  /** Newest first; empty unless they are asked for. */
  readonly listed: readonly ListedChange[];
}

/** @throws OperationError not_found if there is neither the document nor an image of it */
export async function readKeptChanges<K extends DocumentKind>(
  context: OperationContext,
  name: DocumentName & { readonly kind: K },
  { listsAll = false }: { readonly listsAll?: boolean } = {},
): Promise<KeptChanges<K>> {
  const { kind, id } = name;
  return context.store.snapshot(async (snapshot) => {
    const stored = new StoredDocuments(context, await snapshot.documents());
    const { row, before: current } = stored.get(kind, id);
    const names = await snapshot.imageNames(name);
    if (row === undefined && names.length === 0) throw notFound(kind, id);
    let last: KeptChange<K> | undefined;
    const listed: ListedChange[] = [];
    const images = { names, snapshot };
    const chain = await readChain(
      context.keyring,
      name,
      row,
      images,
      (change, newer, isCurrent) => {
        last ??= change;
        if (!listsAll) return;
        const { revision, image } = change;
        const isKnown = newer === undefined ? isCurrent : newer.image?.from === revision;
        const after =
          newer === undefined ? current && withoutKeys<K>(current) : newer.image?.before;
        const changes =
          image && (isKnown || image.deleted) ? differences(name, image.before, after) : null;
        listed.push({ change: revision, at: image?.at ?? null, changes });
      },
    );
    return { stored, chain, last, listed };
  });
}

function differences<K extends DocumentKind>(
  { kind, id }: DocumentName & { readonly kind: K },
  before: Keyless<K> | undefined,
  after: Keyless<K> | undefined,
): string[] {
  const body = (keyless: Keyless<K> | undefined) => keyless && withKeys(kind, keyless, []);
  return linesOf({ kind, id, row: undefined, before: body(before), after: body(after) } as Draft);
}
