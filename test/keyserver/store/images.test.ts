import t from 'tap';
import { imageReads } from '../../../keyserver/store/documents/image-statements.ts';
import type { Statement } from '../../../keyserver/store/statements.ts';
import type { DocumentChange, DocumentRow, ImagesEdit } from '../../../keyserver/store/store.ts';
import { eachStore } from '../../support/database.ts';
import { storedImages } from '../../support/stored-images.ts';

const app = { kind: 'app', id: 'a' } as const;
const writing =
  (id: string, body: string) =>
  (_: unknown, revision: number): DocumentRow => ({
    ...{ kind: 'app', id, revision, kid: 'k', body, mac: 'm' },
  });
const removing = () => undefined;
const imageOf = ({ kind, id, before, revision }: DocumentChange): DocumentRow => ({
  ...{ kind, id, revision, kid: 'k', body: `was ${before?.body}`, mac: 'm' },
});
const keepTwo: ImagesEdit = (change, images) => [imageOf(change), ...images].slice(0, 2);

t.test('keeps images of documents beside them, as many as the edit leaves', (t) =>
  eachStore(t, async (t, openStore) => {
    const store = await openStore();
    await store.editDocument('app', 'a', writing('a', 'one'), keepTwo);
    await store.editDocument('app', 'A', writing('A', 'another'), keepTwo);
    await store.editDocument('app', 'a', writing('a', 'two'), keepTwo);
    await store.editDocument('app', 'a', removing, (change, images) => {
      t.match(change, { ...app, before: { body: 'two' }, after: undefined, revision: 4 });
      t.same(
        images.map(({ revision }) => revision),
        [3, 1],
        'the newest first, of these bytes of a name alone',
      );
      return keepTwo(change, images);
    });
    const shown = async () =>
      (await storedImages(store)).map(({ id, revision, body }) => [id, revision, body]);
    const kept = [
      ['A', 2, 'was undefined'],
      ['a', 4, 'was two'],
      ['a', 3, 'was one'],
    ];
    t.same(await shown(), kept);
    await store.editDocument('app', 'a', writing('a', 'three'));
    t.same(await shown(), kept, 'an earlier version of the tool leaves them');
    t.same(await store.imageKids(), new Map([['k', 3]]));
  }),
);

t.test('keeps the images of a transaction, or none', (t) =>
  eachStore(t, async (t, openStore) => {
    const store = await openStore();
    const names = [app, { kind: 'app', id: 'b' }] as const;
    const both =
      () =>
      (_: unknown, [one, two]: readonly number[]) => [
        writing('a', 'x')(_, one as number),
        writing('b', 'x')(_, two as number),
      ];
    await t.rejects(
      store.editDocuments(names, both(), (change, images) => {
        if (change.id === 'b') throw new Error('refused');
        return keepTwo(change, images);
      }),
      /refused/,
    );
    t.same([await storedImages(store), await store.documents()], [[], []]);
    await store.editDocuments(names, both(), keepTwo);
    t.match(await storedImages(store), [
      { id: 'a', revision: 1 },
      { id: 'b', revision: 2 },
    ]);
  }),
);

t.test('replaces images without a change', (t) =>
  eachStore(t, async (t, openStore) => {
    const store = await openStore();
    await store.editDocument('app', 'a', writing('a', 'one'), keepTwo);
    const seq = await store.lastSeq();
    await store.editImages(app, (images) => images.map((row) => ({ ...row, kid: 'k2' })));
    t.match(await storedImages(store), [{ ...app, revision: 1, kid: 'k2' }]);
    t.equal(await store.lastSeq(), seq);
    await store.editImages(app, () => []);
    t.same(await storedImages(store), []);
  }),
);

t.test('leaves an image whose number nobody counts to', (t) =>
  eachStore(t, async (t, openStore, execute) => {
    const store = await openStore();
    await store.editDocument('app', 'a', writing('a', 'one'), keepTwo);
    await execute(
      "INSERT INTO document_images VALUES ('app', 'a', 9223372036854775807, 'k', 'x', 'm')",
    );
    await store.editDocument('app', 'a', writing('a', 'two'), (change, images) => {
      t.match(images, [{ revision: 1 }]);
      return [imageOf(change)];
    });
    const names = await store.imageNames();
    t.match(names, [{ revision: Number.NaN }, { revision: 2 }]);
    t.match(await storedImages(store), [{ revision: 2 }]);
  }),
);

t.test('needs no images for what KeyServer asks, beside an earlier schema', (t) =>
  eachStore(t, async (t, openStore) => {
    const store = await openStore();
    const row = await store.editDocument('app', 'a', writing('a', 'one'), keepTwo);
    t.equal(await store.migrateDown(), '0004_images', 'images keep no migration from going back');
    t.same(await store.documents(), [row]);
    t.same(await store.kidCounts(), [{ kid: 'k', tokens: 0, documents: 1 }]);
    t.equal(await store.needsKeyring(), true);
    await store.editDocument('app', 'a', writing('a', 'two'));
    await t.rejects(store.imageNames(), { name: 'StoreError', kind: 'table_missing' });
    await store.migrate();
    t.same(await storedImages(store), []);
  }),
);

t.test('reads images in pieces, each of some rows or as many characters', async (t) => {
  const pieces: number[] = [];
  const { images } = imageReads(async (steps) => {
    const statement = steps();
    const { value } = statement.next() as { value: Statement };
    pieces.push(value.params.length / 3);
    return (statement.next({ rows: [], affected: 0 }) as IteratorReturnResult<never>).value;
  });
  const read = async (sizes: readonly number[]) => {
    const names = sizes.map((size, at) => ({ ...app, revision: at, kid: 'k', size }));
    let rows = 0;
    for await (const _ of images(names)) rows += 1;
    t.equal(rows, sizes.length);
    return pieces.splice(0);
  };
  t.same(await read([500_000, 400_000, 200_000, 4_000_000, 1]), [2, 1, 1, 1]);
  t.same(await read(Array<number>(250).fill(1)), [100, 100, 50]);
});
