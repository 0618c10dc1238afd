import { check } from '../../../shared/doctor/check.ts';
import { type DocumentKind, type DocumentRow, isDocumentKind } from '../../store/store.ts';
import type { ReadContext } from '../context.ts';
import { count } from '../count.ts';
import { readAllImages, readChain } from '../undo/chain.ts';
import { type Check, skipped } from './check.ts';
import type { MissingKeys } from './missing-keys.ts';

/** Checks the before-images of every document: their MACs, and that they follow each other up to what is stored. */
export async function checkImages(context: ReadContext, missingKeys: MissingKeys): Promise<Check> {
  const { keyring } = context;
  if (keyring === undefined) return skipped('before-images');
  const { stored, images } = await readAllImages(context);
  const faults: string[] = [];
  const gaps: string[] = [];
  for (const rows of Map.groupBy(images, ({ kind, id }) => `${kind} ${id}`).values()) {
    const [{ kind, id }] = rows as [DocumentRow, ...DocumentRow[]];
    if (!isDocumentKind(kind)) {
      faults.push(`a before-image is of the unknown kind ${JSON.stringify(kind)}`);
      continue;
    }
    const name = `a before-image of the ${kind} ${JSON.stringify(id)}`;
    // Each is counted, hence no `some`.
    const keyless = rows.filter((row) => missingKeys.note('images', row.kid, name));
    if (keyless.length > 0) continue;
    const { row } = stored.get<DocumentKind>(kind, id);
    const chain = readChain(keyring, { kind, id }, row, rows);
    faults.push(...chain.faults);
    gaps.push(...chain.gaps);
  }
  if (faults.length > 0) {
    faults.push(
      'these documents themselves are not affected; delete all rows of each from document_images, which rewrap leaves and keys retire would wait for',
    );
  }
  return check(
    'before-images',
    `of ${count(images.length, 'change')}`,
    [...faults, ...gaps],
    faults.length > 0 ? 'fault' : 'warning',
  );
}
