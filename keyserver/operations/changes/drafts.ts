import { isDeepStrictEqual } from 'node:util';
import type { DocumentBody } from '../../at-rest/document-row.ts';
import type {
  DocumentKind,
  DocumentName,
  DocumentRow,
  DocumentsEdit,
  ImagesEdit,
} from '../../store/store.ts';
import type { OperationContext, ReadContext } from '../context.ts';
import {
  byName,
  checkName,
  checkNewName,
  contentOf,
  found,
  keepImages,
  notFound,
  sealNext,
} from '../documents.ts';
import { OperationError } from '../operation-error.ts';

export interface DraftOf<K extends DocumentKind> {
  readonly kind: K;
  readonly id: string;
  /** The row that it is a change of; undefined if there is none. */
  readonly row: DocumentRow | undefined;
  /** Undefined if there is none, or it does not open. */
  readonly before: DocumentBody<K> | undefined;
  /** Undefined deletes it. */
  readonly after: DocumentBody<K> | undefined;
}

/** A change of a document that is worked out before it is made, so that an operator can look at it. */
export type Draft<K extends DocumentKind = DocumentKind> = { [Kind in K]: DraftOf<Kind> }[K];

type Stored<K extends DocumentKind> = Pick<DraftOf<K>, 'row' | 'before'>;

/** All documents of this version's kinds, as they are stored at one time. */
export class StoredDocuments {
  readonly #context: ReadContext;
  /** Of several rows of one name, which somebody else wrote, the newest. */
  readonly #rows = new Map<string, DocumentRow>();

  constructor(context: ReadContext, rows: readonly DocumentRow[]) {
    this.#context = context;
    for (const row of rows) {
      const other = this.#rows.get(nameOf(row));
      if (!(other && other.revision > row.revision)) this.#rows.set(nameOf(row), row);
    }
  }

  static async read(context: ReadContext): Promise<StoredDocuments> {
    return new StoredDocuments(context, await context.store.documents());
  }

  row(name: DocumentName): DocumentRow | undefined {
    return this.#rows.get(nameOf(name));
  }

  get<K extends DocumentKind>(kind: K, id: string): Stored<K> {
    const row = this.row({ kind, id });
    return { row, before: row && found(this.#context.keyring, kind, row).content };
  }

  ids(kind: DocumentKind): string[] {
    const ofKind = [...this.#rows.values()].filter((row) => row.kind === kind);
    return ofKind.map(({ id }) => id).sort(byName);
  }

  /** Documents of a kind that open. */
  all<K extends DocumentKind>(kind: K): Map<string, DocumentBody<K>> {
    const opened = this.ids(kind).map((id) => [id, this.get(kind, id).before] as const);
    return new Map(opened.flatMap(([id, before]) => (before === undefined ? [] : [[id, before]])));
  }

  /** The change of a document that opens. @throws OperationError not_found, integrity_failed */
  change<K extends DocumentKind>(
    kind: K,
    id: string,
    next: (before: DocumentBody<K>) => DocumentBody<K>,
  ): Draft {
    const stored = this.get(kind, id);
    const content = contentOf(kind, id, stored.row && { id, content: stored.before });
    return { kind, id, ...stored, after: next(content) } as unknown as Draft;
  }

  /** The deletion of a document, even of one that does not open. @throws OperationError not_found */
  deletion(kind: DocumentKind, id: string): Draft {
    const stored = this.get(kind, id);
    if (stored.row === undefined) throw notFound(kind, id);
    return { kind, id, ...stored, after: undefined } as Draft;
  }
}

function nameOf({ kind, id }: Pick<DocumentRow, 'kind' | 'id'>): string {
  return `${kind} ${id}`;
}

interface CommitOptions {
  /** Runs when only the commit is left, again after a lost conflict; if it throws, nothing is changed. */
  readonly beforeCommit?: () => void;
  /** {@link keepImages} by default; if it throws, nothing is changed. */
  readonly images?: ImagesEdit;
}

/**
 * Makes changes in one transaction: all of them, or none.
 * @throws OperationError changed_meanwhile if a document is no longer as its draft found it; input_invalid
 */
export async function commitDrafts(
  context: OperationContext,
  drafts: readonly Draft[],
  { beforeCommit = () => {}, images = keepImages(context) }: CommitOptions = {},
): Promise<void> {
  const { store, keyring, beforeSealing } = context;
  for (const { kind, id, row, after } of drafts) {
    // Somebody else may have stored a name that is not valid, which can be deleted.
    if (after !== undefined) checkName(kind, id);
    if (row === undefined) checkNewName(kind, id);
  }
  // A deletion, which only removes rights, waits for nobody.
  if (drafts.some(({ after }) => after !== undefined)) await beforeSealing?.();
  const edit: DocumentsEdit = (current, revisions) => {
    const next = drafts.map(({ kind, id, row, after }, at) => {
      if (!isDeepStrictEqual(current[at], row)) throw changedMeanwhile(kind, id);
      return after && sealNext(keyring, kind, id, revisions[at] as number, after);
    });
    beforeCommit();
    return next;
  };
  await store.editDocuments(drafts, edit, images);
}

export function changedMeanwhile(kind: DocumentKind, id: string): OperationError {
  return new OperationError(
    'changed_meanwhile',
    `somebody else has changed the ${kind} ${JSON.stringify(id)} meanwhile`,
    'nothing was changed: run the command again',
  );
}
