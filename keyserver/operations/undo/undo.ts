import { isDeepStrictEqual } from 'node:util';
import { type Keyless, withKeys } from '../../at-rest/document-image.ts';
import type { CallerKey, DocumentBody, ProxyDocument } from '../../at-rest/document-row.ts';
import type { DocumentKind, DocumentName } from '../../store/store.ts';
import type { Draft } from '../changes/drafts.ts';
import type { OperationContext } from '../context.ts';
import { doesNotOpen } from '../documents.ts';
import { inputInvalid, OperationError } from '../operation-error.ts';
import { checkPolicy } from '../types.ts';
import type { KeptChanges } from './kept-changes.ts';

/**
 * Takes the last change of a document back, by a new one. Keys, and names of certificates that a proxy must have, stay
 * as they are now; a document that was deleted comes back without keys.
 * @throws OperationError integrity_failed if an image was changed or removed; not_found if the change has none;
 * input_invalid if there is nothing to take back, or a type would not be taken any more
 */
export function draftUndo<K extends DocumentKind>(
  context: OperationContext,
  { kind, id }: DocumentName & { readonly kind: K },
  { stored, chain, last }: KeptChanges<K>,
): Draft {
  const { row, before } = stored.get(kind, id);
  if (row !== undefined && before === undefined) throw doesNotOpen(kind, id);
  const [fault] = chain.faults;
  if (fault !== undefined) throw imageFault(fault);
  if (last?.image === undefined || !chain.isCurrent) throw noImage(kind, id);
  const after = last.image.before && restored(kind, last.image.before, before);
  if (after !== undefined && isDeepStrictEqual(after, before)) throw nothingLeft(kind, id);
  if (kind === 'type' && after !== undefined) {
    checkPolicy(context, id, after as DocumentBody<'type'>);
  }
  return { kind, id, row, before, after } as unknown as Draft;
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

/** The error for before-images that somebody changed, exchanged or removed. */
export function imageFault(fault: string): OperationError {
  return new OperationError(
    'integrity_failed',
    fault,
    'its row was changed or removed, or its key is missing; the document itself is not affected. Delete its rows of document_images to keep new ones',
  );
}

function noImage(kind: DocumentKind, id: string): OperationError {
  return new OperationError(
    'not_found',
    `the last change of the ${kind} ${JSON.stringify(id)} has no before-image`,
    'it was made before images were kept, or by an earlier version, or its image was removed: change the document by hand',
  );
}

function nothingLeft(kind: DocumentKind, id: string): OperationError {
  return inputInvalid(
    `the last change of the ${kind} ${JSON.stringify(id)} is one of certificates' names alone, which stay as they are`,
    { do: 'limit_proxy', id },
  );
}
