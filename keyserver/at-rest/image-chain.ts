import { isDeepStrictEqual as isSame } from 'node:util';
import type { Keyring } from '../keys/keyring.ts';
import { maxBodyChars } from '../store/documents/document-tables.ts';
import type { DocumentChange, DocumentKind, DocumentRow } from '../store/store.ts';
import { type DocumentImage, openImage, sealImage, withoutKeys } from './document-image.ts';
import { openDocument } from './document-row.ts';
import { tryOpen } from './try-open.ts';

export const keptImages = 10;

interface ChangeMade extends Pick<DocumentImage<DocumentKind>, 'at' | 'undid'> {
  readonly change: DocumentChange;
}

/**
 * The images of a document after a change, newest first. A change of nothing but keys has none of its own: the newest
 * image then is the one before both changes. There is none of a document that does not open either.
 */
export function imagesAfter(
  keyring: Keyring,
  { change: { before, after, ...name }, at, undid }: ChangeMade,
  images: readonly DocumentRow[],
): readonly DocumentRow[] {
  const { kind, revision } = name;
  if (before === undefined && after === undefined) return images;
  const contentOf = (row: DocumentRow | undefined) =>
    row && tryOpen(() => openDocument<DocumentKind>(keyring, kind, row));
  const was = contentOf(before);
  if (before !== undefined && was === undefined) return images;
  const is = contentOf(after);
  // Others are not of this history.
  const [newest, ...rest] = images.filter((row) => row.revision < revision);
  const older = newest === undefined ? [] : [newest, ...rest];
  const fitting = (image: DocumentImage<DocumentKind>, others: readonly DocumentRow[]) => {
    const row = sealImage<DocumentKind>(keyring, name, image);
    // It would not open when it is read.
    return row.body.length > maxBodyChars ? older : [row, ...others].slice(0, keptImages);
  };
  if (was !== undefined && is !== undefined && isSame(withoutKeys(was), withoutKeys(is))) {
    if (newest === undefined || newest.revision !== before?.revision) return older;
    const image = tryOpen(() => openImage(keyring, kind, newest));
    if (image === undefined) return older;
    const { change = newest.revision } = image;
    return fitting({ ...image, change, ...(!isSame(was, is) && { keysChangedAt: at }) }, rest);
  }
  return fitting(
    {
      at,
      ...(newest && { previous: newest.mac }),
      ...(before && was && { from: before.revision, before: withoutKeys(was) }),
      ...(after === undefined && { deleted: true }),
      ...(undid !== undefined && { undid }),
    },
    older,
  );
}

/** The images under the primary key, newest first; undefined if one does not open, or does not follow the one before. */
export function resealImages(
  keyring: Keyring,
  kind: DocumentKind,
  images: readonly DocumentRow[],
): DocumentRow[] | undefined {
  const sealed: DocumentRow[] = [];
  let older: DocumentRow | undefined;
  for (const row of images.toReversed()) {
    const image = tryOpen(() => openImage(keyring, kind, row));
    if (image === undefined || (older && image.previous !== older.mac)) return undefined;
    const [previous] = sealed;
    const { id, revision } = row;
    const next = { ...image, ...(previous && { previous: previous.mac }) };
    sealed.unshift(sealImage(keyring, { kind, id, revision }, next));
    older = row;
  }
  return sealed;
}
