import { nameFault, newNameFault } from '../../shared/names.ts';
import {
  type DocumentBody,
  openDocument,
  readUnverified,
  sealDocument,
} from '../at-rest/document-row.ts';
import { imagesAfter } from '../at-rest/image-chain.ts';
import { tryOpen } from '../at-rest/try-open.ts';
import type { Keyring } from '../keys/keyring.ts';
import { maxBodyChars } from '../store/documents/document-tables.ts';
import type { DocumentKind, DocumentRow, ImagesEdit } from '../store/store.ts';
import { isoTime, type OperationContext, type ReadContext } from './context.ts';
import { NamesAlike } from './names-alike.ts';
import { inputInvalid, OperationError } from './operation-error.ts';

/** A document as found; `content` is undefined if it does not open (wrong MAC, key or form), without a keyring if its form is wrong. */
export interface FoundDocument<K extends DocumentKind> {
  readonly id: string;
  readonly content: DocumentBody<K> | undefined;
}

const collator = new Intl.Collator('en', { numeric: true });

/** Orders names as people count: `shop-2` before `shop-10`. */
export function byName(one: string, other: string): number {
  return collator.compare(one, other) || (one < other ? -1 : Number(one > other));
}

export async function listDocuments<K extends DocumentKind>(
  context: ReadContext,
  kind: K,
): Promise<FoundDocument<K>[]> {
  const rows = await context.store.documents();
  return rows
    .filter((row) => row.kind === kind)
    .map((row) => found(context.keyring, kind, row))
    .sort((one, other) => byName(one.id, other.id));
}

/** The content of one document. @throws OperationError not_found, integrity_failed */
export async function readDocument<K extends DocumentKind>(
  context: ReadContext,
  kind: K,
  id: string,
): Promise<DocumentBody<K>> {
  const documents = await listDocuments(context, kind);
  const document = documents.find((one) => one.id === id);
  return contentOf(kind, id, document);
}

/** Makes a document's next content from the one found; undefined if there is none. */
type Change<K extends DocumentKind> = (
  current: FoundDocument<K> | undefined,
) => DocumentBody<K> | 'unchanged';

/**
 * Changes one document in one transaction. `change` returns its next content; `beforeCommit` runs when
 * only the commit is left, again after a lost conflict. A throw of either rolls everything back.
 * @throws OperationError input_invalid for a bad name, or a document that would be too long
 */
export async function changeDocument<K extends DocumentKind>(
  context: OperationContext,
  kind: K,
  id: string,
  change: Change<K>,
  beforeCommit: () => void = () => {},
): Promise<void> {
  const { store, keyring, beforeSealing } = context;
  checkName(kind, id);
  await beforeSealing?.();
  let unchanged = false;
  const edit = (row: DocumentRow | undefined, revision: number) => {
    if (row === undefined) checkNewName(kind, id);
    const next = change(row && found(keyring, kind, row));
    unchanged = next === 'unchanged';
    // Only a throw ends the transaction without taking a revision.
    if (next === 'unchanged') throw new Error('unchanged');
    const sealed = sealNext(keyring, kind, id, revision, next);
    beforeCommit();
    return sealed;
  };
  try {
    await store.editDocument(kind, id, edit, keepImages(context));
  } catch (error) {
    if (!unchanged) throw error;
  }
}

/** Keeps the document as it was before each change, with the number of another one if that is undone by it. */
export function keepImages(
  { keyring, clock }: Pick<OperationContext, 'keyring' | 'clock'>,
  undid?: number,
): ImagesEdit {
  const at = isoTime(clock.now());
  return (change, images) =>
    imagesAfter(keyring, { change, at, ...(undid !== undefined && { undid }) }, images);
}

/** Seals a document that is to be stored. @throws OperationError input_invalid if it is too long */
export function sealNext<K extends DocumentKind>(
  keyring: Keyring,
  kind: K,
  id: string,
  revision: number,
  content: DocumentBody<K>,
): DocumentRow {
  const sealed = sealDocument(keyring, kind, id, revision, content);
  if (sealed.body.length <= maxBodyChars) return sealed;
  throw inputInvalid(
    `the ${kind} ${JSON.stringify(id)} would be longer than ${maxBodyChars} characters`,
    'use patterns in grants, or spread the grants over several apps',
  );
}

/** The content of a document that must exist. @throws OperationError not_found, integrity_failed */
export function contentOf<K extends DocumentKind>(
  kind: K,
  id: string,
  current: FoundDocument<K> | undefined,
): DocumentBody<K> {
  if (current === undefined) throw notFound(kind, id);
  if (current.content === undefined) throw doesNotOpen(kind, id);
  return current.content;
}

/** To call after a list, so that scripts notice a document that does not open. @throws OperationError integrity_failed */
export function checkAllOpen(
  kind: DocumentKind,
  documents: readonly FoundDocument<DocumentKind>[],
): void {
  const broken = documents.find(({ content }) => content === undefined);
  if (broken !== undefined) throw doesNotOpen(kind, broken.id);
}

/** @throws OperationError input_invalid */
export function checkName(what: string, name: string): void {
  rejectName(what, nameFault(name));
}

/** Checks a name that nothing has yet. @throws OperationError input_invalid */
export function checkNewName(what: string, name: string): void {
  rejectName(what, newNameFault(name));
}

/** A warning if the name is new, and looks like another one of its kind. */
export async function alikeWarnings(
  context: ReadContext,
  kind: DocumentKind,
  id: string,
): Promise<string[]> {
  const documents = await listDocuments(context, kind);
  return new NamesAlike(documents.map((one) => one.id)).add(kind, id);
}

function rejectName(what: string, fault: string | undefined): void {
  if (fault === undefined) return;
  throw inputInvalid(
    `the name of the ${what} ${fault}`,
    'names have 1 to 255 characters of any language that show, or are spaces between such',
  );
}

export function found<K extends DocumentKind>(
  keyring: Keyring | undefined,
  kind: K,
  row: DocumentRow,
): FoundDocument<K> {
  const open = () =>
    keyring === undefined ? readUnverified(kind, row) : openDocument(keyring, kind, row);
  return { id: row.id, content: tryOpen(open) };
}

export function notFound(kind: DocumentKind, id: string): OperationError {
  return new OperationError('not_found', `there is no ${kind} ${JSON.stringify(id)}`, {
    do: 'list',
    kind,
  });
}

export function doesNotOpen(kind: DocumentKind, id: string): OperationError {
  return new OperationError(
    'integrity_failed',
    `the ${kind} ${JSON.stringify(id)} does not open: its row was changed, or its key is missing`,
    { do: 'restore', kind, id },
  );
}
