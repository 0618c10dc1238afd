import { check } from '../../../shared/doctor/check.ts';
import { type DocumentName, type ImageName, isDocumentKind } from '../../store/store.ts';
import { StoredDocuments } from '../changes/drafts.ts';
import type { ReadContext } from '../context.ts';
import { count } from '../count.ts';
import { readChain } from '../undo/chain.ts';
import { type Check, skipped } from './check.ts';
import type { MissingKeys } from './missing-keys.ts';

/** Checks the before-images of every document: their MACs, and that they follow each other up to what is stored. */
export async function checkImages(context: ReadContext, missingKeys: MissingKeys): Promise<Check> {
  const { keyring, store } = context;
  if (keyring === undefined) return skipped('before-images');
  const faults: string[] = [];
  const gaps: string[] = [];
  const number = await store.snapshot(async (snapshot) => {
    const stored = new StoredDocuments(context, await snapshot.documents());
    const all = await snapshot.imageNames();
    const histories: { name: DocumentName; names: ImageName[] }[] = [];
    for (const names of Map.groupBy(all, ({ kind, id }) => `${kind} ${id}`).values()) {
      const [{ kind, id }] = names as [ImageName, ...ImageName[]];
      if (!isDocumentKind(kind)) {
        faults.push(`a before-image is of the unknown kind ${JSON.stringify(kind)}`);
        continue;
      }
      const name = `a before-image of the ${kind} ${JSON.stringify(id)}`;
      // Each is counted, hence no `some`.
      const keyless = names.filter(({ kid }) => missingKeys.note('images', kid, name));
      if (keyless.length === 0) histories.push({ name: { kind, id }, names });
    }
    const wanted = histories.flatMap(({ names }) => names);
    const rows = snapshot.images(wanted)[Symbol.asyncIterator]();
    for (const { name, names } of histories) {
      const chain = await readChain(keyring, name, stored.row(name), { names, rows });
      faults.push(...chain.faults);
      gaps.push(...chain.gaps);
    }
    return all.length;
  });
  if (faults.length > 0) {
    faults.push(
      'these documents themselves are not affected; delete all rows of each from document_images, which rewrap leaves and keys retire would wait for',
    );
  }
  return check(
    'before-images',
    `of ${count(number, 'change')}`,
    [...faults, ...gaps],
    faults.length > 0 ? 'fault' : 'warning',
  );
}
