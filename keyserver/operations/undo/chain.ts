import { type DocumentImage, openImage } from '../../at-rest/document-image.ts';
import { keptImages } from '../../at-rest/image-chain.ts';
import { tryOpen } from '../../at-rest/try-open.ts';
import type { Keyring } from '../../keys/keyring.ts';
import type { DocumentKind, DocumentName, DocumentRow } from '../../store/store.ts';
import { StoredDocuments } from '../changes/drafts.ts';
import type { ReadContext } from '../context.ts';

/** A change that has a before-image; `image` is undefined if it does not open. */
export interface KeptChange<K extends DocumentKind> {
  readonly revision: number;
  readonly image: DocumentImage<K> | undefined;
}

/** The before-images of a document, and how they fit it and each other. */
export interface ImageChain<K extends DocumentKind> {
  /** Newest first. */
  readonly changes: readonly KeptChange<K>[];
  /** Sentences on rows that somebody changed, exchanged or removed. */
  readonly faults: readonly string[];
  /** Sentences on changes without an image: an earlier version made them, or somebody removed the newest rows. */
  readonly gaps: readonly string[];
  /** Whether the newest image is the one before the document that is stored, or its deletion. */
  readonly isCurrent: boolean;
}

/** All documents and before-images, as they are stored at one time. */
export async function readAllImages(
  context: ReadContext,
): Promise<{ stored: StoredDocuments; images: DocumentRow[] }> {
  return context.store.snapshot(async ({ documents, images }) => ({
    stored: new StoredDocuments(context, await documents()),
    images: await images(),
  }));
}

/** @param rows the images of one document, newest first */
export function readChain<K extends DocumentKind>(
  keyring: Keyring,
  { kind, id }: DocumentName & { readonly kind: K },
  current: DocumentRow | undefined,
  rows: readonly DocumentRow[],
): ImageChain<K> {
  const name = `the ${kind} ${JSON.stringify(id)}`;
  const changes = rows.map((row) => ({
    revision: row.revision,
    image: tryOpen(() => openImage(keyring, kind, row)),
  }));
  const faults: string[] = [];
  const gaps: string[] = [];
  for (const [at, { revision, image }] of changes.entries()) {
    const older = changes[at + 1];
    if (image === undefined) {
      faults.push(`the before-image of change ${revision} of ${name} does not open`);
    } else if (image.previous !== rows[at + 1]?.mac && (older || rows.length < keptImages)) {
      faults.push(`before-images of ${name} from before change ${revision} are missing, or others`);
    } else if (older?.image && !follows(image, older)) {
      gaps.push(`changes of ${name} before ${revision} have no before-image`);
    }
  }
  const [newest] = changes;
  const isCurrent = isLast(newest, current);
  if (newest && current && current.revision < newest.revision) {
    faults.push(`${name} is older than its change ${newest.revision}: an old row was put back`);
  } else if (newest?.image && !isCurrent) {
    gaps.push(`the last change of ${name} has no before-image`);
  }
  return { changes, faults, gaps, isCurrent };
}

function follows({ from }: DocumentImage<DocumentKind>, older: KeptChange<DocumentKind>): boolean {
  return from === undefined ? older.image?.deleted === true : from === older.revision;
}

function isLast(
  newest: KeptChange<DocumentKind> | undefined,
  current: DocumentRow | undefined,
): boolean {
  if (newest?.image === undefined) return false;
  return current === undefined
    ? newest.image.deleted === true
    : newest.revision === current.revision;
}
