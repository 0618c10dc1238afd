import { OpenError } from '../../shared/crypto/open-error.ts';
import { nameFault } from '../../shared/names.ts';
import { type DocumentBody, openDocument, sealDocument } from '../at-rest/document-row.ts';
import { maxBodyChars } from '../store/document-statements.ts';
import type { DocumentKind, DocumentRow } from '../store/store.ts';
import type { AdminContext } from './context.ts';
import { AdminError } from './operation-error.ts';

/** A document as found; `content` is undefined where it does not open (MAC, key or form is wrong). */
export interface FoundDocument<K extends DocumentKind> {
  readonly id: string;
  readonly content: DocumentBody<K> | undefined;
}

/** All documents of a kind, in the order of their ids. */
export async function listDocuments<K extends DocumentKind>(
  context: AdminContext,
  kind: K,
): Promise<FoundDocument<K>[]> {
  const rows = await context.store.documents();
  return rows
    .filter((row) => row.kind === kind)
    .map((row) => found(context, kind, row))
    .sort((a, b) => (a.id < b.id ? -1 : 1));
}

/** The content of one document. @throws AdminError not_found, integrity_failed */
export async function readDocument<K extends DocumentKind>(
  context: AdminContext,
  kind: K,
  id: string,
): Promise<DocumentBody<K>> {
  const documents = await listDocuments(context, kind);
  return contentOf(
    kind,
    id,
    documents.find((document) => document.id === id),
  );
}

/** What an edit sees: the document as found, or undefined where there is none. */
export type Change<K extends DocumentKind> = (
  current: FoundDocument<K> | undefined,
) => DocumentBody<K> | 'unchanged';

/**
 * Changes one document in one transaction; `change` says what it becomes, and rolls all back by a
 * throw. @throws AdminError input_invalid for a name that cannot be one
 */
export async function changeDocument<K extends DocumentKind>(
  { store, keyring }: AdminContext,
  kind: K,
  id: string,
  change: Change<K>,
): Promise<void> {
  checkName(kind, id);
  let unchanged = false;
  const edit = (row: DocumentRow | undefined, revision: number) => {
    const next = change(row && found({ keyring }, kind, row));
    unchanged = next === 'unchanged';
    // Only a throw ends the transaction without a new revision.
    if (next === 'unchanged') throw new Unchanged();
    const sealed = sealDocument(keyring, kind, id, revision, next);
    if (sealed.body.length > maxBodyChars) throw tooLong(kind, id);
    return sealed;
  };
  try {
    await store.editDocument(kind, id, edit);
  } catch (error) {
    if (!unchanged) throw error;
  }
}

function tooLong(kind: DocumentKind, id: string): AdminError {
  return new AdminError(
    'input_invalid',
    `the ${kind} ${JSON.stringify(id)} would be longer than ${maxBodyChars} characters`,
    'give grants by patterns, or spread them over apps',
  );
}

class Unchanged extends Error {}

/** Deletes a document, also one that does not open: that only takes rights away. @throws AdminError not_found */
export async function deleteDocument(
  { store }: AdminContext,
  kind: DocumentKind,
  id: string,
): Promise<void> {
  await store.editDocument(kind, id, (current) => {
    if (current === undefined) throw notFound(kind, id);
    return undefined;
  });
}

/** The content of a document that must be there. @throws AdminError not_found, integrity_failed */
export function contentOf<K extends DocumentKind>(
  kind: K,
  id: string,
  current: FoundDocument<K> | undefined,
): DocumentBody<K> {
  if (current === undefined) throw notFound(kind, id);
  if (current.content === undefined) throw doesNotOpen(kind, current);
  return current.content;
}

/** For after a list: what does not open must not go unnoticed by scripts. @throws AdminError integrity_failed */
export function checkAllOpen<K extends DocumentKind>(
  kind: K,
  documents: readonly Pick<FoundDocument<K>, 'id' | 'content'>[],
): void {
  const broken = documents.find(({ content }) => content === undefined);
  if (broken !== undefined) throw doesNotOpen(kind, broken);
}

/** @throws AdminError input_invalid */
export function checkName(what: string, name: string): void {
  const fault = nameFault(name);
  if (fault === undefined) return;
  throw new AdminError(
    'input_invalid',
    `the name of the ${what} ${fault}`,
    'names have 1 to 255 characters of any language and no control characters',
  );
}

function found<K extends DocumentKind>(
  { keyring }: Pick<AdminContext, 'keyring'>,
  kind: K,
  row: DocumentRow,
): FoundDocument<K> {
  const { id } = row;
  try {
    return { id, content: openDocument(keyring, kind, row) };
  } catch (error) {
    // A body that is no JSON under a right MAC fails as SyntaxError.
    if (!(error instanceof OpenError || error instanceof SyntaxError)) throw error;
    return { id, content: undefined };
  }
}

function notFound(kind: DocumentKind, id: string): AdminError {
  return new AdminError(
    'not_found',
    `there is no ${kind} ${JSON.stringify(id)}`,
    `see keyserver-admin ${kind} list`,
  );
}

/** The error for a document whose row was changed by others, or whose key is missing. */
export function doesNotOpen(
  kind: DocumentKind,
  { id }: Pick<FoundDocument<DocumentKind>, 'id'>,
): AdminError {
  const remedy =
    kind === 'type'
      ? 'or replace it with keyserver-admin type put --force'
      : `or revoke it and make it anew: keyserver-admin ${kind} revoke`;
  return new AdminError(
    'integrity_failed',
    `the ${kind} ${JSON.stringify(id)} does not open: its row was changed, or its key is missing`,
    `see that KEYRING_DIR has every key there was, restore the row, ${remedy}`,
  );
}
