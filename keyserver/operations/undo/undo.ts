import { isDeepStrictEqual } from 'node:util';
import { type DocumentImage, type Keyless, withKeys } from '../../at-rest/document-image.ts';
import type { CallerKey, DocumentBody, ProxyDocument } from '../../at-rest/document-row.ts';
import type { DocumentKind, DocumentName, ImagesEdit } from '../../store/store.ts';
import { changedMeanwhile, commitDrafts, type Draft } from '../changes/drafts.ts';
import type { OperationContext } from '../context.ts';
import { doesNotOpen, keepImages } from '../documents.ts';
import { inputInvalid, OperationError } from '../operation-error.ts';
import type { Suggestion } from '../suggestion.ts';
import { checkPolicy } from '../types.ts';
import type { KeptChanges } from './kept-changes.ts';

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
  if (fault !== undefined) throw imageFault(fault);
  if (sought === 'last' && !chain.isCurrent) throw noImage(name);
  if (target?.image === undefined) throw noChange(name, sought);
  const { number: change, image } = target;
  if (sought === 'last') checkLast(name, change, image, kept.earlier);
  const after = image.before && restored(kind, image.before, before);
  const isDone = isDeepStrictEqual(after, before);
  if (isDone && sought === 'last') throw certificatesAlone(name, kept.earlier[0]);
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
  const { kind, id } = name;
  const way: Suggestion =
    undid === undefined
      ? { do: 'undo_earlier', kind, id, change, creates: before === undefined }
      : { do: 'undo_again', kind, id, change, further: earlier.find((one) => one < undid) };
  const last = `the last change of ${nameOf(name)}`;
  if (keysChangedAt !== undefined) {
    const why = 'is one of its keys, which no undo takes back';
    throw inputInvalid(`${last}, of ${keysChangedAt}, ${why}`, way);
  }
  // Taking it back would bring that one back.
  if (undid === undefined) return;
  throw inputInvalid(`${last}, ${change}, has undone change ${undid} already`, way);
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

/** The error for before-images that somebody changed, exchanged or removed. */
export function imageFault(fault: string): OperationError {
  return new OperationError(
    'integrity_failed',
    fault,
    'its row was changed or removed, or its key is missing; the document itself is not affected. Delete its rows of document_images to keep new ones',
  );
}

/** The error for a last change that an earlier version made. */
function noImage(name: DocumentName): OperationError {
  return new OperationError(
    'not_found',
    `the last change of ${nameOf(name)} has no before-image`,
    'it was made before images were kept, by an earlier version or by a restore, or its image was too long, or removed: change the document by hand, or name a change that its history lists',
  );
}

function noChange(name: DocumentName, change: number | 'last'): OperationError {
  const { kind, id } = name;
  return new OperationError('not_found', `${nameOf(name)} has no change ${change} that is kept`, {
    ...{ do: 'list_changes', kind, id },
  });
}

/** The error for a last change of a proxy that no undo takes back; `earlier` is the one before it. */
function certificatesAlone(
  { kind, id }: DocumentName,
  earlier: number | undefined,
): OperationError {
  return inputInvalid(
    `the last change of ${nameOf({ kind, id })} is one of certificates' names alone, which stay as they are`,
    earlier === undefined
      ? { do: 'limit_proxy', id }
      : { do: 'undo_earlier', kind, id, change: earlier },
  );
}

function nameOf({ kind, id }: DocumentName): string {
  return `the ${kind} ${JSON.stringify(id)}`;
}
