import type { DocumentRow, Store } from '../../keyserver/store/store.ts';

/** All before-images with their content. */
export function storedImages(store: Store): Promise<DocumentRow[]> {
  return store.snapshot(async ({ imageNames, image }) => {
    const rows: DocumentRow[] = [];
    for (const name of await imageNames()) {
      const row = await image(name);
      if (row) rows.push(row);
    }
    return rows;
  });
}
