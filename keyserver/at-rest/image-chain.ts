import { isDeepStrictEqual } from 'node:util';
import type { Keyring } from '../keys/keyring.ts';
import { maxBodyChars } from '../store/documents/document-tables.ts';
import type { DocumentChange, DocumentKind, DocumentRow } from '../store/store.ts';
import { openImage, sealImage, withoutKeys } from './document-image.ts';
import { openDocument } from './document-row.ts';
import { tryOpen } from './try-open.ts';

/** Number of a document's changes that keep a before-image. */
export const keptImages = 10;

/**
 * The images of a document after a change, newest first. A change of nothing but keys has none of its own: the newest
 * image then is the one before both changes. There is none of a document that does not open either.
 * @param at ISO 8601
 */
export function imagesAfter(
  keyring: Keyring,
  { before, after, ...change }: DocumentChange,
  images: readonly DocumentRow[],
  at: string,
): readonly DocumentRow[] {
  const { kind, revision } = change;
  if (before === undefined && after === undefined) return images;
  const contentOf = (row: DocumentRow | undefined) => {
    const content = row && tryOpen(() => openDocument<DocumentKind>(keyring, kind, row));
    return content && withoutKeys(content);
  };
  const was = contentOf(before);
  if (before !== undefined && was === undefined) return images;
  // Others are not of this history.
  const [newest, ...rest] = images.filter((row) => row.revision < revision);
  const older = newest === undefined ? [] : [newest, ...rest];
  if (was !== undefined && isDeepStrictEqual(was, contentOf(after))) {
    const image = newest && tryOpen(() => openImage(keyring, kind, newest));
    const isLast = image !== undefined && newest?.revision === before?.revision;
    return isLast ? [sealImage(keyring, change, image), ...rest] : older;
  }
  const image = sealImage<DocumentKind>(keyring, change, {
    at,
    ...(newest && { previous: newest.mac }),
    ...(before && was && { from: before.revision, before: was }),
    ...(after === undefined && { deleted: true }),
  });
  // It would not open when it is read.
  if (image.body.length > maxBodyChars) return older;
  return [image, ...older].slice(0, keptImages);
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
    sealed.unshift(
      sealImage(
        keyring,
        { kind, id, revision },
        { ...image, ...(previous && { previous: previous.mac }) },
      ),
    );
    older = row;
  }
  return sealed;
}
