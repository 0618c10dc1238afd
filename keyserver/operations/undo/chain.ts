import { type DocumentImage, openImage } from '../../at-rest/document-image.ts';
import { keptImages } from '../../at-rest/image-chain.ts';
import { tryOpen } from '../../at-rest/try-open.ts';
import type { Keyring } from '../../keys/keyring.ts';
import type { DocumentKind, DocumentName, DocumentRow, ImageName } from '../../store/store.ts';

/** A change that has a before-image; `image` is undefined if it does not open. */
export interface KeptChange<K extends DocumentKind> {
  /** Its own; a change of keys alone has given its image another revision. */
  readonly number: number;
  readonly revision: number;
  readonly image: DocumentImage<K> | undefined;
}

type ReadChange<K extends DocumentKind> = KeptChange<K> & { readonly mac: string | undefined };

interface StoredImages {
  readonly names: readonly ImageName[];
  /** The next row is that of the first name. */
  readonly rows: AsyncIterator<DocumentRow | undefined>;
}

/** Told each change with the next newer one, and whether the newest of all is the document's last. */
type Visit<K extends DocumentKind> = (
  change: KeptChange<K>,
  newer: KeptChange<K> | undefined,
  isCurrent: boolean,
) => void;

/**
 * Opens images one by one: of no more than two, each as long as its document, is the content held unless `visit` does.
 * Resolves to sentences on rows that somebody changed, exchanged or removed (faults), and on changes without an image, of
 * an earlier version or since somebody removed the newest rows (gaps); and to whether the newest image is the one before
 * the document that is stored, or its deletion.
 */
export async function readChain<K extends DocumentKind>(
  keyring: Keyring,
  { kind, id }: DocumentName & { readonly kind: K },
  current: DocumentRow | undefined,
  { names, rows }: StoredImages,
  visit: Visit<K> = () => {},
) {
  const document = `the ${kind} ${JSON.stringify(id)}`;
  const faults: string[] = [];
  const gaps: string[] = [];
  const judge = ({ number, image }: KeptChange<K>, older: ReadChange<K> | undefined) => {
    if (image === undefined) {
      faults.push(`the before-image of change ${number} of ${document} does not open`);
    } else if (image.previous !== older?.mac && (older || names.length < keptImages)) {
      faults.push(
        `before-images of ${document} from before change ${number} are missing, or others`,
      );
    } else if (older?.image && !follows(image, older)) {
      gaps.push(`changes of ${document} before ${number} have no before-image`);
    }
  };
  let isCurrent = false;
  let lacksLast = false;
  let newer: ReadChange<K> | undefined;
  for (const name of names) {
    const { value: row } = await rows.next();
    const change = openedChange(keyring, kind, name, row);
    if (newer) judge(newer, change);
    else {
      isCurrent = isLast(change, current);
      lacksLast = change.image !== undefined && !isCurrent;
    }
    visit(change, newer, isCurrent);
    newer = change;
  }
  if (newer) judge(newer, undefined);
  const { revision = 0 } = names[0] ?? {};
  if (current && current.revision < revision) {
    faults.push(`${document} is older than its change ${revision}: an old row was put back`);
  } else if (lacksLast) {
    gaps.push(`the last change of ${document} has no before-image`);
  }
  return { faults, gaps, isCurrent };
}

function openedChange<K extends DocumentKind>(
  keyring: Keyring,
  kind: K,
  { revision }: ImageName,
  row: DocumentRow | undefined,
): ReadChange<K> {
  const image = row && tryOpen(() => openImage(keyring, kind, row));
  return { number: image?.change ?? revision, revision, image, mac: row?.mac };
}

function follows({ from }: DocumentImage<DocumentKind>, older: KeptChange<DocumentKind>): boolean {
  return from === undefined ? older.image?.deleted === true : from === older.revision;
}

function isLast(
  { revision, image }: KeptChange<DocumentKind>,
  current: DocumentRow | undefined,
): boolean {
  if (image === undefined) return false;
  return current === undefined ? image.deleted === true : revision === current.revision;
}
