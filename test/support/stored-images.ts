import type { DocumentRow, Store } from '../../keyserver/store/store.ts';

/** All before-images with their content, as far as they can be read. */
export function storedImages(store: Store): Promise<DocumentRow[]> {
  return store.snapshot(async ({ imageNames, images }) => {
    const rows: DocumentRow[] = [];
    for await (const row of images(await imageNames())) if (row) rows.push(row);
    return rows;
  });
}
