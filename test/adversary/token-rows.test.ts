import t, { type Test } from 'tap';
import { legacyRow, newLegacyKey } from '../support/legacy-rows.ts';
import { eachStage, type Pair, type Stage, startPairOn } from './stage.ts';

const refused = ['500 integrity_failed token_refused', '500 integrity_failed token_refused'];
const missing = ['404 token_not_found', '424 token_not_found'];
const twice = ['500 integrity_failed duplicate_rows', '500 integrity_failed duplicate_rows'];
const fine = ['200', '200'];

const legacyKey = newLegacyKey();

/** The adversary's edit of the row of a client of the same name. */
const manipulations: Readonly<Record<string, (row: string) => string>> = {
  edited: (row) =>
    `UPDATE storage SET token = CONCAT(SUBSTR(token, 1, 30), 'AAAA', SUBSTR(token, 35)) WHERE ${row}`,
  'cut short': (row) => `UPDATE storage SET token = SUBSTR(token, 1, 40) WHERE ${row}`,
  emptied: (row) => `UPDATE storage SET token = '' WHERE ${row}`,
  're-keyed to a key that exists': (row) =>
    `UPDATE storage SET token = REPLACE(token, 'skt1.k1.', 'skt1.k2.') WHERE ${row}`,
  're-keyed to no key': (row) =>
    `UPDATE storage SET token = REPLACE(token, 'skt1.k1.', 'skt1.k9.') WHERE ${row}`,
  'of another version': (row) =>
    `UPDATE storage SET token = REPLACE(token, 'skt1.', 'skt0.') WHERE ${row}`,
  'copied from another client': (row) =>
    `UPDATE storage SET token = (SELECT token FROM (SELECT token FROM storage WHERE client_id = 'healthy') AS c) WHERE ${row}`,
  'of the earlier system': (row) =>
    `UPDATE storage SET token = '${legacyRow('planted', legacyKey)}' WHERE ${row}`,
  'with control characters': (row) =>
    `UPDATE storage SET token = REPLACE(token, '.k1.', '.k1\u0007.') WHERE ${row}`,
};

async function play(t: Test, stage: Stage, more: Readonly<Record<string, string>> = {}) {
  const { execute } = stage;
  const pair = await startPairOn(t, stage);
  const names = [
    ...Object.keys(manipulations),
    'one',
    'other',
    'moved',
    'huge',
    ...Object.keys(more),
  ];
  for (const name of [...names, 'healthy']) {
    await pair.keyserver.putToken(name, 'test', `made-up ${name}`);
  }
  for (const [name, sql] of Object.entries(manipulations)) {
    await execute(sql(`client_id = '${name}'`));
  }
  for (const sql of Object.values(more)) await execute(sql);
  await execute("UPDATE storage SET client_id = 'thief' WHERE client_id = 'moved'");
  await execute("UPDATE storage SET client_id = 'swapping' WHERE client_id = 'one'");
  await execute("UPDATE storage SET client_id = 'one' WHERE client_id = 'other'");
  await execute("UPDATE storage SET client_id = 'other' WHERE client_id = 'swapping'");
  const filler = stage.place === 'mysql' ? "REPEAT('A', 3000000)" : 'hex(zeroblob(1500000))';
  await execute(
    `UPDATE storage SET token = CONCAT('skt1.k1.', ${filler}) WHERE client_id = 'huge'`,
  );
  return { pair, names };
}

async function holds(t: Test, pair: Pair, expected: Readonly<Record<string, readonly string[]>>) {
  for (const [name, answers] of Object.entries(expected)) {
    t.same(await pair.answers(name), answers, name);
  }
}

t.test(
  'every manipulated token row is refused, logged and named, and harms no other',
  async (t) => {
    await eachStage(t, async (t, stage) => {
      const { pair } = await play(t, stage);
      const expected = Object.fromEntries(
        [...Object.keys(manipulations), 'one', 'other', 'thief', 'huge'].map((name) => [
          name,
          refused,
        ]),
      );
      await holds(t, pair, { ...expected, moved: missing });
      t.equal(pair.upstream.requests.length, 0, 'nothing was sent');
      const lines = pair.keyserver.log().filter((line) => line['error.reason'] === 'token_refused');
      for (const client of Object.keys(expected)) {
        t.match(
          lines.find((line) => line.client === client),
          { token_type: 'test', 'error.type': 'integrity_failed' },
          `${client}: a line names the row`,
        );
      }
      await holds(t, pair, { healthy: fine });
      await holds(t, await startPairOn(t, stage, { seeded: pair }), {
        ...expected,
        healthy: fine,
      });
      const { code, text } = await stage.doctor();
      t.equal(code, 1);
      for (const client of Object.keys(expected)) {
        const legacy = client === 'of the earlier system';
        const finding =
          client === 're-keyed to no key'
            ? `1 token needs the key "k9", such as client "${client}", type "test"`
            : `client "${client}", type "test": ${legacy ? 'written by the earlier system' : 'does not open'}`;
        t.match(text, finding, `doctor names ${client}`);
      }
      t.notMatch(text, /"healthy".*does not open/);
      t.notMatch(text + pair.keyserver.logText(), /made-up/, 'no secret shows');
    });
  },
);

t.test(
  'under UNSAFE_LEGACY_ROWS a planted row opens only in the form of the earlier system',
  async (t) => {
    await eachStage(t, async (t, stage) => {
      const { pair } = await play(t, stage);
      const unsafe = await startPairOn(t, stage, { seeded: pair, legacyKey });
      const others = Object.keys(manipulations).filter((name) => name !== 'of the earlier system');
      const expected = [...others, 'one', 'other', 'thief', 'huge'].map((name) => [name, refused]);
      await holds(t, unsafe, Object.fromEntries(expected));
      // The limit that the switch is named for: who can write can plant what opens.
      await holds(t, unsafe, { 'of the earlier system': fine, healthy: fine });
    });
  },
);

t.test('a table of others’ making, without keys and of a case-blind collation', async (t) => {
  const blind = {
    mysql: 'CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci',
    sqlite: 'COLLATE NOCASE',
  };
  await eachStage(t, async (t, stage) => {
    const column = `VARCHAR(100) ${blind[stage.place]}`;
    await stage.execute('DROP TABLE storage');
    await stage.execute(
      `CREATE TABLE storage (client_id ${column}, token_type ${column}, token ${stage.place === 'mysql' ? 'LONGTEXT' : 'TEXT'})`,
    );
    const { pair } = await play(t, stage);
    await pair.keyserver.putToken('doubled', 'test', 'made-up doubled');
    for (const sql of [
      "INSERT INTO storage SELECT client_id, token_type, token FROM storage WHERE client_id = 'doubled'",
      "INSERT INTO storage SELECT 'HEALTHY', token_type, token FROM storage WHERE client_id = 'healthy'",
      "INSERT INTO storage VALUES (NULL, 'test', 'x'), ('nameless', NULL, 'x'), ('tokenless', 'test', NULL)",
      `INSERT INTO storage SELECT '${'n'.repeat(99)}', 'TEST', token FROM storage WHERE client_id = 'healthy'`,
    ]) {
      await stage.execute(sql);
    }
    await holds(t, pair, {
      doubled: twice,
      HEALTHY: refused,
      healthy: fine,
      tokenless: refused,
      nameless: missing,
      Doubled: missing,
    });
    const { code, text } = await stage.doctor();
    t.equal(code, 1);
    for (const finding of [
      'client "doubled", type "test": has more than one row',
      'client "HEALTHY", type "test": does not open',
      'client "tokenless", type "test": does not open',
      'client "", type "test": does not open',
      'client "nameless", type "": does not open',
    ]) {
      t.match(text, finding);
    }
    t.notMatch(text, /"healthy".*does not open/);
  });
});
