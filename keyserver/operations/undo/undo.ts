import { isDeepStrictEqual } from 'node:util';
import { type DocumentImage, type Keyless, withKeys } from '../../at-rest/document-image.ts';
import type { CallerKey, DocumentBody, ProxyDocument } from '../../at-rest/document-row.ts';
import type { DocumentKind, DocumentName, ImagesEdit } from '../../store/store.ts';
import { changedMeanwhile, commitDrafts, type Draft } from '../changes/drafts.ts';
import type { OperationContext } from '../context.ts';
import { doesNotOpen, keepImages } from '../documents.ts';
import { inputInvalid } from '../operation-error.ts';
import { checkPolicy } from '../types.ts';
import type { KeptChanges } from './kept-changes.ts';
import * as refusals from './refusals.ts';

export type Undo = ReturnType<typeof draftUndo>;

/**
 * Puts a document back to what it was before a change, by a new one: the change that was looked for, or the last one.
 * Keys, and names of certificates that a proxy must have, stay as they are now; a document that was deleted comes back
 * without keys. The last change is not taken back if it has undone one itself, or if keys alone were changed since.
 * Without a draft the document is as it was then; `newest` is the revision of the newest image.
 * @throws OperationError integrity_failed if an image was changed or removed; not_found if the change has none;
 * input_invalid if there is no last change to take back, or a type would not be taken any more
 */
export function draftUndo<K extends DocumentKind>(
  context: OperationContext,
  name: DocumentName & { readonly kind: K },
  sought: number | 'last',
  kept: KeptChanges<K>,
) {
  const { kind, id } = name;
  const { stored, chain, target, newest } = kept;
  const { row, before } = stored.get(kind, id);
  if (row !== undefined && before === undefined) throw doesNotOpen(kind, id);
  const [fault] = chain.faults;
  if (fault !== undefined) throw refusals.imageFault(fault);
  if (sought === 'last' && !chain.isCurrent) throw refusals.noImage(name);
  if (target?.image === undefined) throw refusals.noChange(name, sought);
  const { number: change, image } = target;
  if (sought === 'last') checkLast(name, change, image, kept.earlier);
  const after = image.before && restored(kind, image.before, before);
  const isDone = isDeepStrictEqual(after, before);
  if (isDone && sought === 'last') throw refusals.certificatesAlone(name, kept.earlier[0]);
  if (!isDone && kind === 'type' && after !== undefined) {
    checkPolicy(context, id, after as DocumentBody<'type'>);
  }
  const draft = { kind, id, row, before, after } as unknown as Draft;
  return { change, at: image.at, draft: isDone ? undefined : draft, newest };
}

/**
 * Makes the change as it was shown.
 * @throws OperationError changed_meanwhile if there is another change by then, also of a document that is deleted
 */
export async function commitUndo(
  context: OperationContext,
  { change: undid, newest }: Undo,
  draft: Draft,
): Promise<void> {
  const keep = keepImages(context, undid);
  const images: ImagesEdit = (change, kept) => {
    if (kept[0]?.revision !== newest) throw changedMeanwhile(change.kind, change.id);
    return keep(change, kept);
  };
  await commitDrafts(context, [draft], { images });
}

function checkLast(
  name: DocumentName,
  change: number,
  { before, keysChangedAt, undid }: DocumentImage<DocumentKind>,
  earlier: readonly number[],
): void {
  const further = undid === undefined ? undefined : earlier.find((one) => one < undid);
  const way = { change, creates: before === undefined, undid, further };
  if (keysChangedAt !== undefined) throw refusals.keysAlone(name, keysChangedAt, way);
  if (undid !== undefined) throw refusals.undoneAlready(name, way);
}

function restored<K extends DocumentKind>(
  kind: K,
  image: Keyless<K>,
  now: DocumentBody<K> | undefined,
): DocumentBody<K> {
  const { keys = [] } = (now ?? {}) as { readonly keys?: readonly CallerKey[] };
  const body = withKeys(kind, image, [...keys]);
  if (kind !== 'proxy' || now === undefined) return body;
  const { certificateNames, ...limits } = body as ProxyDocument;
  const { certificateNames: names } = now as ProxyDocument;
  return { ...limits, ...(names && { certificateNames: names }) } as DocumentBody<K>;
}

/** Reads the number of a change. @throws OperationError input_invalid */
export function parseChange(text: string): number {
  const change = Number(text);
  if (/^[1-9]\d*$/.test(text) && Number.isSafeInteger(change)) return change;
  throw inputInvalid(
    `${JSON.stringify(text)} is not the number of a change`,
    'its history lists the changes by number',
  );
}
