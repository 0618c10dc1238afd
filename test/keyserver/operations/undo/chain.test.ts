import { randomBytes } from 'node:crypto';
import t from 'tap';
import { Keyring } from '../../../../keyserver/keys/keyring.ts';
import { createApp, createProxy, rotateCaller } from '../../../../keyserver/operations/callers.ts';
import { commitDrafts, StoredDocuments } from '../../../../keyserver/operations/changes/drafts.ts';
import type { OperationContext } from '../../../../keyserver/operations/context.ts';
import { changeDocument } from '../../../../keyserver/operations/documents.ts';
import { beginHistory } from '../../../../keyserver/operations/history.ts';
import { rewrap } from '../../../../keyserver/operations/keys/rewrap.ts';
import { putType } from '../../../../keyserver/operations/types.ts';
import { type KeptChange, readChain } from '../../../../keyserver/operations/undo/chain.ts';
import type { DocumentName, Store } from '../../../../keyserver/store/store.ts';
import { eachStore } from '../../../support/database.ts';
import { plainPolicy } from '../../../support/pair-state.ts';
import { storedImages } from '../../../support/stored-images.ts';

const masters = new Map(['old', 'new'].map((kid) => [kid, randomBytes(32)]));
const clock = { now: () => Date.parse('2027-03-04T05:06:07.000Z'), monotonic: () => 0 };
const contextOf = (store: Store, primary = 'old'): OperationContext => ({
  ...{ store, clock, keyring: new Keyring(primary, masters) },
});
const type = { kind: 'type', id: 'plain' } as const;
const put = (context: OperationContext, n: number) =>
  putType(context, 'plain', plainPolicy(`https://${n}.example`));
const remove = async (context: OperationContext, { kind, id }: DocumentName) =>
  commitDrafts(context, [(await StoredDocuments.read(context)).deletion(kind, id)]);

async function chainOf<N extends DocumentName>({ store, keyring }: OperationContext, name: N) {
  const isIts = ({ kind, id }: { kind: string; id: string }) =>
    kind === name.kind && id === name.id;
  const current = (await store.documents()).find(isIts);
  const changes: KeptChange<N['kind']>[] = [];
  const chain = await store.snapshot(async (snapshot) => {
    const names = await snapshot.imageNames(name);
    const images = { names, rows: snapshot.images(names)[Symbol.asyncIterator]() };
    return readChain<N['kind']>(keyring, name, current, images, (one) => changes.push(one));
  });
  return { ...chain, changes };
}

t.test('keeps what each of the last ten changes replaced, also of a deletion', (t) =>
  eachStore(t, async (t, openStore) => {
    const context = contextOf(await openStore());
    for (let n = 1; n <= 11; n += 1) await put(context, n);
    await remove(context, type);
    const { changes, ...rest } = await chainOf(context, type);
    t.same(rest, { faults: [], gaps: [], isCurrent: true });
    t.equal(changes.length, 10);
    t.match(changes.slice(0, 2), [
      {
        revision: 12,
        image: { deleted: true, from: 11, before: plainPolicy('https://11.example') },
      },
      { revision: 11, image: { at: '2027-03-04T05:06:07.000Z', from: 10 } },
    ]);
    await put(context, 12);
    const again = await chainOf(context, type);
    t.match(again, { faults: [], gaps: [], isCurrent: true });
    t.notMatch(again.changes[0]?.image, { before: {} }, 'there was none');
  }),
);

t.test('keeps no keys, and no image of a change of keys alone', (t) =>
  eachStore(t, async (t, openStore) => {
    const context = contextOf(await openStore());
    const app = { kind: 'app', id: 'orders' } as const;
    await createApp(context, 'orders');
    await createProxy(context, 'dc-1');
    await changeDocument(context, 'app', 'orders', (found) => ({
      ...(found?.content ?? { keys: [] }),
      grants: [{ client: '*', type: '*' }],
    }));
    await rotateCaller(context, 'app', 'orders', { overlapSeconds: 60 });
    await beginHistory(context);
    const { changes, ...rest } = await chainOf(context, app);
    t.same(rest, { faults: [], gaps: [], isCurrent: true });
    t.match(changes, [
      { number: 3, image: { change: 3, keysChangedAt: '2027-03-04T05:06:07.000Z' } },
      { number: 1, revision: 1 },
    ]);
    t.same(changes[0]?.image?.before, { grants: [] });
    const [ofProxy] = (await chainOf(context, { kind: 'proxy', id: 'dc-1' })).changes;
    t.equal(ofProxy?.number, 2);
    t.equal(ofProxy?.image?.keysChangedAt, undefined, 'a new history changes no keys');
    await remove(context, app);
    await remove(context, { kind: 'proxy', id: 'dc-1' });
    const bodies = (await storedImages(context.store)).map(({ body }) => body).join();
    t.notMatch(bodies, /hash|createdAt|expiresAt/);
  }),
);

t.test('finds images that were changed, moved, exchanged, removed or put back', (t) =>
  eachStore(t, async (t, openStore, execute) => {
    const context = contextOf(await openStore());
    const { store } = context;
    await putType(context, 'other', plainPolicy('https://other.example'));
    for (let n = 1; n <= 4; n += 1) await put(context, n);
    const rows = (await storedImages(store)).filter(({ id }) => id === 'plain');
    const [newest, third, second, first] = rows.map(({ revision }) => revision);
    const where = (revision: number | undefined) => `WHERE id = 'plain' AND revision = ${revision}`;
    const tried = async (sql: readonly string[]) => {
      for (const one of sql) await execute(one);
      const { changes, ...rest } = await chainOf(context, type);
      await store.editImages(type, () => []);
      await store.editImages(type, () => rows.map((row) => ({ ...row })));
      return rest;
    };
    const fine = { faults: [], gaps: [], isCurrent: true };
    t.same(await tried([]), fine);
    const unopened = { faults: [/does not open/] };
    const missing = { faults: [/are missing, or others/] };
    const change = (set: string) => `UPDATE document_images SET ${set} ${where(third)}`;
    t.match(await tried([change("body = REPLACE(body, '2.example', 'evil.example')")]), unopened);
    t.match(await tried([change("kid = 'none'")]), unopened);
    t.match(
      await tried([
        `DELETE FROM document_images ${where(third)}`,
        `UPDATE document_images SET revision = ${third} ${where(second)}`,
      ]),
      { faults: [/missing/, /does not open/] },
      'another place in the chain',
    );
    t.match(
      await tried([
        `DELETE FROM document_images ${where(third)}`,
        `UPDATE document_images SET id = 'plain', revision = ${third} WHERE id = 'other'`,
      ]),
      { faults: [/missing/, /does not open/] },
      'the image of another document',
    );
    t.match(await tried([`DELETE FROM document_images ${where(third)}`]), missing, 'in between');
    t.match(await tried([`DELETE FROM document_images ${where(first)}`]), missing, 'the oldest');
    t.match(await tried([`DELETE FROM document_images ${where(newest)}`]), {
      faults: [],
      gaps: [/the last change .* has no before-image/],
      isCurrent: false,
    });
    const copy = (await store.documents()).find(({ id }) => id === 'plain');
    await put(context, 5);
    await execute(
      `UPDATE documents SET revision = ${copy?.revision}, body = '${copy?.body}', mac = '${copy?.mac}' WHERE id = 'plain'`,
    );
    t.match(await chainOf(context, type), { faults: [/an old row was put back/] });
  }),
);

t.test('does not forget that an image was removed before the next change', (t) =>
  eachStore(t, async (t, openStore, execute) => {
    const context = contextOf(await openStore());
    for (let n = 1; n <= 3; n += 1) await put(context, n);
    await execute('DELETE FROM document_images WHERE revision = 3');
    await put(context, 4);
    t.match(await chainOf(context, type), {
      ...{ faults: [], isCurrent: true },
      gaps: ['changes of the type "plain" before 4 have no before-image'],
    });
    await remove(context, type);
    await execute('DELETE FROM document_images WHERE revision = 5');
    t.match(await chainOf(context, type), {
      ...{ faults: [], isCurrent: false },
      gaps: [/the last change/, /before 4/].toReversed(),
    });
  }),
);

t.test('seals images again with the primary key, and leaves a chain that is broken', (t) =>
  eachStore(t, async (t, openStore, execute) => {
    const store = await openStore();
    const before = contextOf(store);
    const after = contextOf(store, 'new');
    const pause = async () => {};
    for (let n = 1; n <= 3; n += 1) await put(before, n);
    await createApp(before, 'gone');
    await remove(before, { kind: 'app', id: 'gone' });
    const { changes } = await chainOf(before, type);
    await createApp(before, 'broken');
    await changeDocument(before, 'app', 'broken', () => ({ keys: [], grants: [], direct: true }));
    await execute(
      "UPDATE document_images SET mac = 'x' WHERE id = 'broken' AND body LIKE '%from%'",
    );
    t.match(await rewrap(after, { pause }), { documents: 2, images: 4, broken: 2 });
    t.same(
      await store.imageKids(),
      new Map([
        ['new', 5],
        ['old', 2],
      ]),
    );
    const chain = await chainOf(after, type);
    t.match(chain, { faults: [], gaps: [], isCurrent: true });
    const beforeOf = ({ image }: (typeof changes)[number]) => image?.before;
    t.same(chain.changes.map(beforeOf), changes.map(beforeOf));
    t.match(await chainOf(after, { kind: 'app', id: 'gone' }), { faults: [], isCurrent: true });
    t.match(await rewrap(after, { pause }), { documents: 0, images: 0, broken: 2 });
    for (const n of [1, 2, 3]) await putType(before, 'cut', plainPolicy(`https://${n}.example`));
    const isOlder = "revision < (SELECT revision FROM documents WHERE id = 'cut')";
    await execute(
      `DELETE FROM document_images WHERE id = 'cut' AND body LIKE '%from%' AND ${isOlder}`,
    );
    t.match(await rewrap(after, { pause }), { documents: 1, images: 0, broken: 3 });
    t.match(await chainOf(after, { kind: 'type', id: 'cut' }), { faults: [/missing, or others/] });
  }),
);
