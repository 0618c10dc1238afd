import { randomBytes } from 'node:crypto';
import t from 'tap';
import { Keyring } from '../../../../keyserver/keys/keyring.ts';
import { createApp, rotateCaller } from '../../../../keyserver/operations/callers.ts';
import { commitDrafts, StoredDocuments } from '../../../../keyserver/operations/changes/drafts.ts';
import type { OperationContext } from '../../../../keyserver/operations/context.ts';
import { checkImages } from '../../../../keyserver/operations/doctor/image-check.ts';
import { MissingKeys } from '../../../../keyserver/operations/doctor/missing-keys.ts';
import { changeDocument } from '../../../../keyserver/operations/documents.ts';
import { beginHistory } from '../../../../keyserver/operations/history.ts';
import { rewrap } from '../../../../keyserver/operations/keys/rewrap.ts';
import { OperationError } from '../../../../keyserver/operations/operation-error.ts';
import { readKeptChanges } from '../../../../keyserver/operations/undo/kept-changes.ts';
import { commitUndo, draftUndo } from '../../../../keyserver/operations/undo/undo.ts';
import type { Store } from '../../../../keyserver/store/store.ts';
import { StoreError } from '../../../../keyserver/store/store-error.ts';
import { systemClock } from '../../../../shared/clock.ts';
import { eachStore } from '../../../support/database.ts';

const app = { kind: 'app', id: 'orders' } as const;
const masters = new Map(['old', 'new'].map((kid) => [kid, randomBytes(32)]));
const contextOf = (store: Store, primary: string): OperationContext => ({
  ...{ store, clock: systemClock, keyring: new Keyring(primary, masters) },
});

async function undo(context: OperationContext, sought: number | 'last') {
  const kept = await readKeptChanges(context, app, sought);
  const way = draftUndo(context, app, sought, kept);
  if (way.draft) await commitUndo(context, way, way.draft);
}

const grant = (context: OperationContext, client: string) =>
  changeDocument(context, 'app', app.id, (found) => ({
    ...{ keys: found?.content?.keys ?? [], grants: [{ client, type: '*' }] },
  }));

t.test('of operators who undo at once one does, and the others are told', (t) =>
  eachStore(t, async (t, openStore) => {
    const context = contextOf(await openStore(), 'old');
    for (const client of ['one', 'two', 'three']) await grant(context, client);
    const all = await Promise.allSettled(Array.from({ length: 6 }, () => undo(context, 'last')));
    const reasons = all.flatMap((one) => (one.status === 'rejected' ? [one.reason.code] : []));
    t.equal(reasons.length, 5);
    t.notOk(reasons.find((code) => code !== 'changed_meanwhile' && code !== 'input_invalid'));
    const { before } = (await StoredDocuments.read(context)).get('app', app.id);
    t.match(before, { grants: [{ client: 'two' }] });
  }),
);

t.test('the images fit each other whatever is done at once', (t) =>
  eachStore(t, async (t, openStore) => {
    const store = await openStore();
    const contexts = ['old', 'new'].map((primary) => contextOf(store, primary));
    const acts: readonly ((context: OperationContext, round: number) => Promise<unknown>)[] = [
      (context) => undo(context, 'last'),
      async (context, round) => {
        const { later } = await readKeptChanges(context, app, 'none');
        const { change } = later[round % later.length] ?? {};
        if (change !== undefined) await undo(context, change);
      },
      (context) => createApp(context, app.id),
      (context) => rotateCaller(context, 'app', app.id, { overlapSeconds: 60 }),
      async (context, round) => {
        if (round % 3 > 0) return grant(context, `client-${round}`);
        return commitDrafts(context, [
          (await StoredDocuments.read(context)).deletion('app', app.id),
        ]);
      },
      (context) => rewrap(context, { pause: async () => {} }),
      async (context, round) => round % 5 === 0 && beginHistory(context),
    ];
    for (let round = 0; round < 15; round += 1) {
      const done = await Promise.allSettled(
        acts.flatMap((act) => contexts.map((context) => act(context, round))),
      );
      for (const one of done) {
        if (one.status === 'fulfilled') continue;
        // A busy machine may let one wait too long for the others' locks.
        t.ok(one.reason instanceof OperationError || one.reason instanceof StoreError);
        t.not(one.reason.code, 'integrity_failed');
      }
      const [context = contextOf(store, 'old')] = contexts;
      const found = await checkImages(context, new MissingKeys(context.keyring));
      t.match(found, { status: 'ok', findings: [] }, `round ${round}`);
    }
  }),
);
