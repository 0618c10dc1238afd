import { type Keyless, withKeys, withoutKeys } from '../../at-rest/document-image.ts';
import type { DocumentKind, DocumentName } from '../../store/store.ts';
import { type Draft, StoredDocuments } from '../changes/drafts.ts';
import type { OperationContext } from '../context.ts';
import { notFound } from '../documents.ts';
import { linesOf } from '../fleet/lines.ts';
import { type KeptChange, readChain } from './chain.ts';

export type ListedChange = ReturnType<typeof listed>;

export type KeptChanges<K extends DocumentKind> = Awaited<ReturnType<typeof readKeptChanges<K>>>;

/**
 * Reads all documents, and the changes of one, as they are stored at one time, and looks for one by its number, the
 * target. Later changes, or all without a target, and numbers of earlier ones come newest first.
 * @throws OperationError not_found if there is neither the document nor an image of it
 */
export async function readKeptChanges<K extends DocumentKind>(
  context: OperationContext,
  name: DocumentName & { readonly kind: K },
  sought: number | 'last' | 'none',
) {
  const { kind, id } = name;
  return context.store.snapshot(async (snapshot) => {
    const stored = new StoredDocuments(context, await snapshot.documents());
    const { row, before } = stored.get(kind, id);
    const names = await snapshot.imageNames(name);
    if (row === undefined && names.length === 0) throw notFound(kind, id);
    const after = before && withoutKeys<K>(before);
    let target: KeptChange<K> | undefined;
    const later: ListedChange[] = [];
    const earlier: number[] = [];
    const images = { names, rows: snapshot.images(names)[Symbol.asyncIterator]() };
    const chain = await readChain(
      context.keyring,
      name,
      row,
      images,
      (change, newer, isCurrent) => {
        if (target !== undefined) earlier.push(change.number);
        else if (sought === 'last' || change.number === sought) target = change;
        else
          later.push(
            listed(name, change, afterChange(change, newer, isCurrent ? { after } : undefined)),
          );
      },
    );
    return { stored, chain, target, later, earlier, newest: names[0]?.revision };
  });
}

interface After<K extends DocumentKind> {
  readonly after: Keyless<K> | undefined;
}

/** @param next the document after the change; undefined if that is not known, and so its differences are null */
function listed<K extends DocumentKind>(
  name: DocumentName & { readonly kind: K },
  { number, image }: KeptChange<K>,
  next: After<K> | undefined,
) {
  const { at = null, undid = null, keysChangedAt = null } = image ?? {};
  const changes = image && next ? differences(name, image.before, next.after) : null;
  return { change: number, at, undid, keysChangedAt, changes };
}

/** Undefined if it is not known. @param last the document as it is now, if the newest change made it */
function afterChange<K extends DocumentKind>(
  { revision, image }: KeptChange<K>,
  newer: KeptChange<K> | undefined,
  last: After<K> | undefined,
): After<K> | undefined {
  if (image?.deleted) return { after: undefined };
  if (newer === undefined) return last;
  return newer.image?.from === revision ? { after: newer.image.before } : undefined;
}

function differences<K extends DocumentKind>(
  { kind, id }: DocumentName & { readonly kind: K },
  before: Keyless<K> | undefined,
  after: Keyless<K> | undefined,
): string[] {
  const body = (keyless: Keyless<K> | undefined) => keyless && withKeys(kind, keyless, []);
  return linesOf({ kind, id, row: undefined, before: body(before), after: body(after) } as Draft);
}
