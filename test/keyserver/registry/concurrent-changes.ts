import type { Test } from 'tap';
import { sealDocument } from '../../../keyserver/at-rest/document-row.ts';
import { sealSecret } from '../../../keyserver/at-rest/secret.ts';
import { Keyring } from '../../../keyserver/keys/keyring.ts';
import { Registry } from '../../../keyserver/registry/registry.ts';
import type { Store } from '../../../keyserver/store/store.ts';
import type { AnnouncedChange } from '../../../shared/protocol/change-messages.ts';
import { testClock } from '../../support/clock.ts';
import type { OpenStore } from '../../support/database.ts';
import { capturedLog } from '../../support/log.ts';

/** Writers at once, each with a store of its own, as KeyServers and operators' tools have. */
const writers = 8;
const apps = ['app-0', 'app-1', 'app-2'];
const byNumber = (one: number, other: number) => one - other;
const isToken = ({ kind }: AnnouncedChange) => kind === 'token';
const isTokenName = (name: string) => name.startsWith('token ');
const nameOf = ({ kind, id, tokenType = '' }: AnnouncedChange) => `${kind} ${id} ${tokenType}`;

/**
 * Checks that two KeyServers tell their proxies each of `changes` changes, in the order of the commits, while all
 * writers change tokens of their own and the same few apps. A document that was read before its number is told twice.
 */
export async function changeAtOnce(t: Test, openStore: OpenStore, changes: number): Promise<void> {
  const keyring = new Keyring('k1', new Map([['k1', Buffer.alloc(32, 1)]]));
  const setUp = await openStore();
  const start = await setUp.lastSeq();
  const stores = await Promise.all(Array.from({ length: writers }, () => openStore()));
  const keyservers = await Promise.all([0, 1].map(async () => follow(await openStore(), keyring)));
  const made = stores.map((store, writer) =>
    write(store, keyring, writer, Math.ceil(changes / writers)),
  );
  let isWriting = true;
  const written = Promise.all(made).finally(() => {
    isWriting = false;
  });
  const told = await Promise.all(keyservers.map((each) => each(() => isWriting)));
  const names = (await written).flat().sort();
  t.equal(await setUp.lastSeq(), start + names.length, 'each commit took a number');
  for (const list of told) {
    const numbers = list.map(({ seq }) => seq);
    t.strictSame(numbers, numbers.toSorted(byNumber), 'told in order');
    t.equal(new Set(numbers).size, names.length, 'no number was left out');
    t.strictSame(list.filter(isToken).map(nameOf).sort(), names.filter(isTokenName));
    for (const app of apps) {
      const count = (all: readonly string[]) => all.filter((name) => name === `app ${app} `).length;
      t.ok(count(list.map(nameOf)) >= count(names), `each change of ${app} was told`);
    }
  }
}

/** A KeyServer's view: refreshed without a pause, and asked by a proxy after each refresh. */
async function follow(store: Store, keyring: Keyring) {
  const clock = testClock();
  const registry = new Registry(store, keyring, capturedLog('test').logger, clock);
  await registry.refresh();
  // A registry that has just started has every proxy forget its releases.
  clock.advance(60_000);
  return async (goesOn: () => boolean): Promise<AnnouncedChange[]> => {
    const told: AnnouncedChange[] = [];
    let { seq } = registry;
    for (let isLast = false; !isLast; ) {
      isLast = !goesOn();
      await registry.refresh();
      const since = registry.changesSince(seq);
      if (since.reset) throw new Error(`changes after ${seq} are no longer known`);
      told.push(...since.changes);
      seq = since.seq;
    }
    return told;
  };
}

/** Puts and deletes tokens, and edits and deletes apps; resolves to the names of the changes that were made. */
async function write(store: Store, keyring: Keyring, writer: number, changes: number) {
  const made: string[] = [];
  const tokenType = 'trial';
  for (let i = 0; i < changes; i += 1) {
    const id = `shop-${writer}-${i % 50}`;
    if (i % 5 === 4) {
      const app = apps[i % apps.length] as string;
      await store.editDocument('app', app, (_stored, revision) =>
        sealDocument(keyring, 'app', app, revision, { keys: [], grants: [] }),
      );
      made.push(nameOf({ kind: 'app', id: app, seq: 0 }));
    } else if (i % 5 === 3) {
      if (!(await store.deleteToken(id, tokenType))) continue;
      made.push(nameOf({ kind: 'token', id, tokenType, seq: 0 }));
    } else {
      const context = { clientId: id, tokenType };
      await store.putToken(sealSecret(keyring, context, { fields: { token: `secret ${i}` } }));
      made.push(nameOf({ kind: 'token', id, tokenType, seq: 0 }));
    }
  }
  return made;
}
