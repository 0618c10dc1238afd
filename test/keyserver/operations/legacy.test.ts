import { randomBytes } from 'node:crypto';
import t from 'tap';
import { Keyring } from '../../../keyserver/keys/keyring.ts';
import type { OperationContext } from '../../../keyserver/operations/context.ts';
import { rewrap } from '../../../keyserver/operations/keys/rewrap.ts';
import { checkLegacyRows } from '../../../keyserver/operations/legacy/check.ts';
import { giveBack } from '../../../keyserver/operations/legacy/give-back.ts';
import { takeOver } from '../../../keyserver/operations/legacy/take-over.ts';
import { putType } from '../../../keyserver/operations/types.ts';
import { type Report, sealReport } from '../../../keyserver/replicas/report.ts';
import type { Store, TokenRow } from '../../../keyserver/store/store.ts';
import { StoreError } from '../../../keyserver/store/store-error.ts';
import { systemClock } from '../../../shared/clock.ts';
import { eachStore } from '../../support/database.ts';
import { legacyRow, newLegacyKey } from '../../support/legacy-rows.ts';
import { plainPolicy } from '../../support/pair-state.ts';

const legacyKey = newLegacyKey();
const masters = new Map(['old', 'new'].map((kid) => [kid, randomBytes(32)]));
const ringOf = (primary: string) => new Keyring(primary, masters);
const contextOf = (store: Store, keyring = ringOf('old')): OperationContext => ({
  ...{ store, keyring, legacyKey },
  servesLegacyRows: true,
  clock: systemClock,
});
const quiet = () => {};
const pause = async () => {};
const rowOf = (clientId: string) => ({
  ...{ clientId, tokenType: 'plain' },
  token: legacyRow(`made-up ${clientId}`, legacyKey),
});
const take = (store: Store) => takeOver(contextOf(store), { jsonFields: false }, quiet, pause);
const give = (store: Store) => giveBack(contextOf(store), quiet, pause);

async function fill(store: Store, rows: number): Promise<void> {
  await putType(contextOf(store), 'plain', plainPolicy('http://127.0.0.1:1'));
  for (let i = 0; i < rows; i += 1) await store.putToken(rowOf(`c${i}`));
}

/** A store that does something before each transaction of swaps. */
function interrupted(store: Store, before: (swaps: number) => Promise<unknown>): Store {
  let swaps = 0;
  return {
    ...store,
    swapTokens: async (batch, options) => {
      swaps += 1;
      await before(swaps);
      return store.swapTokens(batch, options);
    },
  };
}

const keys = { primary: 'new', since: 0, keys: ['new'] };
const report = {
  ...{ instance: 'i', host: 'replica-2', workers: 1, version: '1', atRest: keys, rsa: keys },
  ...{ history: '', seq: 0, stopped: false },
};

t.test('a row that changes under the way back is given back by the next pass', (t) =>
  eachStore(t, async (t, openStore) => {
    const store = await openStore();
    await fill(store, 3);
    await take(store);
    const resealed = interrupted(store, async (swaps) => {
      if (swaps === 1) await rewrap(contextOf(store, ringOf('new')), { pause });
    });
    t.same(await give(resealed), { restored: 3, unsettled: 0, left: [] });
    t.same(await store.findTokens('c1', 'plain'), [rowOf('c1')]);

    await take(store);
    const everResealed = interrupted(store, (swaps) =>
      rewrap(contextOf(store, ringOf(swaps % 2 === 1 ? 'new' : 'old')), { pause }),
    );
    t.same(await give(everResealed), { restored: 0, unsettled: 3, left: [] }, 'and it is told');
  }),
);

t.test('rows come back whatever became of their type', (t) =>
  eachStore(t, async (t, openStore) => {
    const store = await openStore();
    await fill(store, 1);
    await take(store);
    await store.editDocument('type', 'plain', (row, revision) => row && { ...row, revision });
    t.match(await give(store), { restored: 1, left: [] });
  }),
);

t.test('nothing is sealed while a KeyServer lacks the primary key', (t) =>
  eachStore(t, async (t, openStore) => {
    const store = await openStore();
    await fill(store, 1);
    await store.putReplica(sealReport(ringOf('new'), 'a', 1, report));
    await t.rejects(take(store), {
      code: 'not_confirmed',
      message: 'a KeyServer has not loaded the primary key old: replica-2',
    });
    t.same(await store.findTokens('c0', 'plain'), [rowOf('c0')]);
    await store.putReplica({ ...sealReport(ringOf('new'), 'a', 2, report), mac: 'bWFj' });
    await t.rejects(take(store), { message: /old: one whose report does not open$/ });
  }),
);

t.test('nothing is given back while a KeyServer does not serve it', (t) =>
  eachStore(t, async (t, openStore) => {
    const store = await openStore();
    await fill(store, 1);
    await take(store);
    const put = (beat: number, more: Partial<Report>) =>
      store.putReplica(sealReport(ringOf('old'), 'a', beat, { ...report, ...more }));
    for (const [beat, more] of [{}, { servesLegacyRows: false }].entries()) {
      await put(beat + 1, more);
      await t.rejects(give(store), {
        code: 'not_confirmed',
        message: 'a KeyServer does not serve rows of the earlier system: replica-2',
      });
    }
    await put(3, { servesLegacyRows: true });
    t.match(await give(store), { restored: 1 });
  }),
);

t.test('rows that come while others are sealed are sealed, and not called unsettled', (t) =>
  eachStore(t, async (t, openStore) => {
    const store = await openStore();
    await fill(store, 1);
    const busy = interrupted(store, (swaps) => store.putToken(rowOf(`later ${100 - swaps}`)));
    const { sealed, ...rest } = await take(busy);
    t.equal(sealed, 10);
    t.same(rest, { unsettled: 0, left: [], copy: 'storage_before_takeover' });
  }),
);

t.test('the first row may come when there was none to copy', (t) =>
  eachStore(t, async (t, openStore) => {
    const store = await openStore();
    await fill(store, 0);
    let passes = 0;
    const late: Store = {
      ...store,
      async *tokenPages() {
        passes += 1;
        if (passes === 2) await store.putToken(rowOf('late'));
        yield* store.tokenPages();
      },
    };
    t.match(await take(late), { sealed: 1, copy: 'storage_before_takeover' });
    t.same(await store.copiedTokens([rowOf('late')]), [rowOf('late').token]);
  }),
);

t.test('a batch that loses to others is sealed after a pause, and all before it stay so', (t) =>
  eachStore(t, async (t, openStore) => {
    const store = await openStore();
    await fill(store, 120);
    const sizes: number[] = [];
    const losing: Store = {
      ...store,
      swapTokens: async (batch, options) => {
        sizes.push(batch.length);
        if (sizes.length === 1) throw new StoreError('timeout', 'slow');
        return store.swapTokens(batch, options);
      },
    };
    t.match(await take(losing), { sealed: 120, unsettled: 0 });
    t.same(sizes.slice(0, 2), [100, 50]);
  }),
);

t.test('names of several rows are left, however late, and however many', (t) =>
  eachStore(t, async (t, openStore, execute) => {
    const tokenTable = 'earlier';
    await execute(
      `CREATE TABLE ${tokenTable} (id INTEGER PRIMARY KEY ${t.name === 'mysql' ? 'AUTO_INCREMENT' : ''}, client_id VARCHAR(50), token_type VARCHAR(50), token VARCHAR(400))`,
    );
    const store = await openStore({ tokenTable });
    await fill(store, 2);
    const insert = (values: readonly string[]) =>
      execute(
        `INSERT INTO ${tokenTable} (client_id, token_type, token) VALUES ${values.join(', ')}`,
      );
    const other = legacyRow('made-up other', legacyKey);
    const doubling = interrupted(store, async (swaps) => {
      if (swaps === 1) await insert([`('c1', 'plain', '${other}')`]);
    });
    t.match(await take(doubling), {
      ...{ sealed: 2, unsettled: 0 },
      left: [{ reason: 'repeated', rows: 1, names: [{ client: 'c1' }] }],
    });
    t.same(await store.copiedTokens([rowOf('c1')]), [rowOf('c1').token], 'its own copy');

    const many = Array.from({ length: 10_000 }, (_, i) => `('m${i}', 'plain', '${other}')`);
    await insert([...many, ...many]);
    await t.rejects(take(store), {
      code: 'input_invalid',
      message: 'more than 10000 clients and types have several rows each',
    });
  }),
);

t.test('a row whose name is no UTF-8 is left, and stops nothing', (t) =>
  eachStore(t, async (t, openStore, execute) => {
    const store = await openStore();
    await fill(store, 1);
    const name = t.name === 'mysql' ? "X'63FF'" : "CAST(X'63FF' AS TEXT)";
    await execute(
      `INSERT INTO storage (client_id, token_type, token) VALUES (${name}, 'plain', '${rowOf('x').token}')`,
    );
    const left = [{ reason: 'name', fault: 'its client or type is not valid UTF-8', rows: 1 }];
    t.match(await take(store), { sealed: 1, unsettled: 0, left });
    t.match(await give(store), { restored: 1, left: [] });
  }),
);

/** Values of the column `client_id` that are read as one text, by the column's type. */
const likeTexts = {
  mysql: {
    'VARCHAR(9) COLLATE utf8mb4_general_ci': ["'a'", "'a'"],
    FLOAT: ['16777216', '16777217'],
  },
  sqlite: { '': ["'42'", '42', "X'3432'"], 'TEXT COLLATE NOCASE': ["'42'", "X'3432'", "'42'"] },
};

t.test('no row is lost that comes late under a name that has one, however either is stored', (t) =>
  eachStore(t, async (t, openStore, execute) => {
    const numbered = t.name === 'mysql' ? 'INT AUTO_INCREMENT' : 'INTEGER';
    let tables = 0;
    for (const key of ['', `id ${numbered} PRIMARY KEY, `]) {
      for (const [type, clients] of Object.entries(likeTexts[t.name as 'mysql' | 'sqlite'])) {
        for (const latePass of [1, 2]) {
          await t.test(`${key}client_id ${type}, before pass ${latePass}`, async (t) => {
            tables += 1;
            const tokenTable = `late${tables}`;
            await execute(
              `CREATE TABLE ${tokenTable} (${key}client_id ${type}, token_type VARCHAR(9), token VARCHAR(400))`,
            );
            const store = await openStore({ tokenTable });
            await fill(store, 0);
            const made = clients.map((_, i) => legacyRow(`made-up ${i}`, legacyKey));
            const insert = (client: string, i: number) =>
              execute(
                `INSERT INTO ${tokenTable} (client_id, token_type, token) VALUES (${client}, 'plain', '${made[i]}')`,
              );
            await insert(clients[0] as string, 0);
            let passes = 0;
            const late: Store = {
              ...store,
              async *tokenPages() {
                passes += 1;
                if (passes === latePass) {
                  for (const [i, client] of clients.entries()) if (i > 0) await insert(client, i);
                }
                yield* store.tokenPages();
              },
            };
            const first = await take(late);
            t.equal(first.unsettled, 0);
            const second = await take(store);
            t.equal(second.sealed, 0);
            const rows: TokenRow[] = [];
            for await (const page of store.tokenPages()) rows.push(...page);
            const copies = await store.createLegacyCopy().then(() => store.copiedTokens(rows));
            t.equal(rows.length, made.length);
            const kept = new Set([...rows.map(({ token }) => token), ...copies]);
            t.same(
              made.filter((token) => !kept.has(token)),
              [],
            );
            const left = second.left.reduce((sum, group) => sum + group.rows, 0);
            t.equal(first.sealed + left, made.length, 'each is sealed or named');
          });
        }
      }
    }
  }),
);

t.test('a row that no call would find is left', (t) =>
  eachStore(t, async (t, openStore, execute) => {
    const [key, type, client] =
      t.name === 'mysql' ? ['INT AUTO_INCREMENT', 'FLOAT', '0.1'] : ['INTEGER', '', '42'];
    await execute(
      `CREATE TABLE strange (id ${key} PRIMARY KEY, client_id ${type}, token_type VARCHAR(9), token VARCHAR(400))`,
    );
    const store = await openStore({ tokenTable: 'strange' });
    await fill(store, 0);
    await execute(
      `INSERT INTO strange (client_id, token_type, token) VALUES (${client}, 'plain', '${rowOf('x').token}')`,
    );
    t.match(await take(store), {
      ...{ sealed: 0, unsettled: 0, copy: undefined },
      left: [{ reason: 'name', rows: 1, names: [{ client }] }],
    });
    t.same(await store.findTokens(client, 'plain'), []);
  }),
);

t.test('many rows without an index are refused, with the statement that helps', async (t) =>
  eachStore(t, async (t, openStore, execute) => {
    await execute(
      'CREATE TABLE many (client_id VARCHAR(9), token_type VARCHAR(9), token VARCHAR(400))',
    );
    const store = await openStore({ tokenTable: 'many' });
    await fill(store, 0);
    const rows = Array.from({ length: 10_000 }, (_, i) => `('${i}', 'other', '')`);
    await execute(`INSERT INTO many VALUES ${rows.join(', ')}`);
    const check = () => checkLegacyRows(contextOf(store), { jsonFields: false });
    const statement = 'CREATE INDEX by_client ON `many` (client_id)';
    t.match(
      (await check()).columns.includes(
        `no index gives its rows an order, so taking over takes long: ${statement}`,
      ),
      t.name === 'mysql',
    );
    await execute(`INSERT INTO many VALUES ('one', 'more', '')`);
    if (t.name === 'mysql') {
      const refused = {
        code: 'input_invalid',
        message: 'no index gives the rows of the token table an order, and it has more than 10000',
        suggestion: /: CREATE INDEX by_client ON `many` \(client_id\)$/,
      };
      await t.rejects(take(store), refused);
      await t.rejects(check(), refused);
      await execute(statement);
    }
    t.match(await take(store), { sealed: 0, left: [{ reason: 'form', rows: 10_001 }] });
  }),
);
