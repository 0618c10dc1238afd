import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import t from 'tap';
import { keptImages } from '../../../../keyserver/at-rest/image-chain.ts';
import type { OperationContext } from '../../../../keyserver/operations/context.ts';
import { checkImages } from '../../../../keyserver/operations/doctor/image-check.ts';
import { MissingKeys } from '../../../../keyserver/operations/doctor/missing-keys.ts';
import { changeDocument } from '../../../../keyserver/operations/documents.ts';
import { readKeptChanges } from '../../../../keyserver/operations/undo/kept-changes.ts';
import type { Store } from '../../../../keyserver/store/store.ts';
import { install } from '../../admin/installation.ts';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

const app = { kind: 'app', id: 'orders' } as const;
const grants = Array.from({ length: 5000 }, (_, at) => ({
  client: `shop-${String(at).padStart(5, '0')}`,
  type: 'wildberries',
}));
/** Of the four that one statement reads; seven take several times as much when they are opened. */
const maxBytes = 5 * JSON.stringify(grants).length;

/** The store, and the bytes of the heap in use whenever it was asked for an image. */
function watched(store: Store) {
  const heaps: number[] = [];
  const snapshot: Store['snapshot'] = (read) =>
    store.snapshot((found) =>
      read({
        ...found,
        async *images(names) {
          for await (const row of found.images(names)) {
            collectGarbage();
            heaps.push(process.memoryUsage().heapUsed);
            yield row;
          }
        },
      }),
    );
  return { store: { ...store, snapshot }, heaps };
}

t.test('reads the images of a long document one by one, and keeps none', async (t) => {
  const context = (await install(t)).context(t);
  for (let n = 0; n <= keptImages; n += 1) {
    await changeDocument(context, 'app', app.id, () => ({ keys: [], grants: grants.slice(n) }));
  }
  const readers: Record<string, (context: OperationContext) => Promise<unknown>> = {
    history: (context) => readKeptChanges(context, app, 'none'),
    undo: (context) => readKeptChanges(context, app, 'last'),
    doctor: (context) => checkImages(context, new MissingKeys(context.keyring)),
  };
  for (const [name, read] of Object.entries(readers)) {
    const { store, heaps } = watched(context.store);
    await read({ ...context, store });
    t.equal(heaps.length, keptImages, name);
    // Retained memory is still there with the last images, while V8's own comes and goes.
    const [third = 0] = heaps.slice(2);
    t.ok(
      Math.min(...heaps.slice(-3)) - third < maxBytes,
      `${name} keeps no more than the first two`,
    );
  }
});
