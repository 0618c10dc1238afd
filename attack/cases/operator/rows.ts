import { randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { storagePlaces } from '../../../local/state.ts';
import type { Environment } from '../../../shared/settings/config.ts';
import { writeKeyFolder } from '../../../test/support/key-folders.ts';
import { legacyFiles, legacyRow, newLegacyKey } from '../../../test/support/legacy-rows.ts';
import { runToolHere } from '../../../test/support/tool-here.ts';
import { type Attack, type Outcome, ownOf, type Scene } from '../../scene/attack.ts';
import { askRelease } from '../../scene/keyserver.ts';
import { kidOf } from './keys.ts';

/** Runs the tool on the pair's database and keys, or on those of `environment`. */
export async function tool(scene: Scene, args: readonly string[], environment: Environment = {}) {
  const { folder } = ownOf(scene);
  const { code, written } = await runToolHere({
    ...{ args, folder, stdin: Buffer.alloc(0) },
    environment: { ...storagePlaces(folder), ...environment },
  });
  return { code, said: written.map(({ text }) => text).join('') };
}

export function withRows<T>(file: string, use: (database: DatabaseSync) => T): T {
  const database = new DatabaseSync(file, { timeout: 5000 });
  try {
    return use(database);
  } finally {
    database.close();
  }
}

/** Restores a changed backup of the pair into an empty database, which must stay empty. */
function restoring(
  name: string,
  change: (lines: readonly string[]) => readonly string[],
  environmentOf: (scene: Scene) => Environment = () => ({}),
): Attack {
  return {
    class: 'operator',
    name: `a backup ${name}`,
    ownOnly: true,
    async run(scene) {
      const { folder } = ownOf(scene);
      const id = randomBytes(4).toString('hex');
      const path = join(folder, `${id}.backup`);
      const taken = await tool(scene, ['backup', path]);
      writeFileSync(path, change(readFileSync(path, 'utf8').split('\n')).join('\n'));
      const DB_FILE = join(folder, `${id}.db`);
      await tool(scene, ['migrate'], { DB_FILE });
      const environment = { ...environmentOf(scene), DB_FILE };
      const { code, said } = await tool(scene, ['restore', path], environment);
      const rows = withRows(DB_FILE, (database) =>
        database
          .prepare('SELECT (SELECT COUNT(*) FROM storage) + (SELECT COUNT(*) FROM documents) AS n')
          .get(),
      );
      return {
        held: taken.code === 0 && code === 1 && rows?.n === 0,
        happened: `${code}: ${said.split('\n', 1)[0]?.slice(0, 90)}`,
      };
    },
  };
}

function otherKeyring(scene: Scene): Environment {
  const { folder } = ownOf(scene);
  const kid = kidOf(storagePlaces(folder).KEYRING_DIR);
  const files = { [`${kid}.key`]: randomBytes(32) };
  return { KEYRING_DIR: writeKeyFolder(join(folder, 'other-keyring'), files) };
}

/** Puts an older backup in the place of the newest one, where rows have been stored since. */
async function replayed(scene: Scene): Promise<Outcome> {
  const path = join(ownOf(scene).folder, 'older.backup');
  const taken = await tool(scene, ['backup', path]);
  const { position } = ownOf(scene).admin.store;
  await tool(scene, ['app', 'create', 'later']);
  const before = await position();
  const { code, said } = await tool(scene, ['restore', path]);
  const after = await position();
  await tool(scene, ['app', 'revoke', 'later', '--yes']);
  return {
    held: taken.code === 0 && code === 2 && before.seq === after.seq,
    happened: `${code}: ${said.split('\n', 1)[0]?.slice(0, 90)}`,
  };
}

/** Looks for the pair's tokens in a backup. */
async function read(scene: Scene): Promise<Outcome> {
  const { folder, otherToken } = ownOf(scene);
  const path = join(folder, 'read.backup');
  const { code } = await tool(scene, ['backup', path]);
  const text = readFileSync(path, 'utf8');
  const found = [scene.token, otherToken].filter((token) => text.includes(token));
  const held = code === 0 && text.includes('"sealed":"skt1.') && found.length === 0;
  return { held, happened: `${found.length} tokens in clear` };
}

/** Writes a row of the earlier system, which authenticates none, over the scene's token. */
async function planted(scene: Scene): Promise<Outcome> {
  const { DB_FILE = '' } = storagePlaces(ownOf(scene).folder);
  const { clientId, tokenType } = scene;
  const put = (token: string) =>
    withRows(DB_FILE, (database) => {
      const where = 'WHERE client_id = ? AND token_type = ?';
      const row = database.prepare(`SELECT token FROM storage ${where}`).get(clientId, tokenType);
      database.prepare(`UPDATE storage SET token = ? ${where}`).run(token, clientId, tokenType);
      return String(row?.token);
    });
  const before = put(legacyRow('planted', newLegacyKey()));
  try {
    await askRelease(scene);
    return { held: false, happened: 'a release' };
  } catch (error) {
    return { held: true, happened: String(error).slice(0, 90) };
  } finally {
    put(before);
  }
}

/** Alters the last block of an earlier row: sealed, it would pass for a secret that somebody stored. */
async function altered(scene: Scene): Promise<Outcome> {
  const { folder } = ownOf(scene);
  const DB_FILE = join(folder, 'earlier.db');
  const key = newLegacyKey();
  const environment = { DB_FILE, ...legacyFiles(join(folder, 'legacy'), key) };
  const bytes = Buffer.from(legacyRow('x'.repeat(40), key), 'base64');
  bytes.writeUInt8(bytes.readUInt8(bytes.length - 1) ^ 1, bytes.length - 1);
  const row = bytes.toString('base64');
  await tool(scene, ['migrate'], environment);
  withRows(DB_FILE, (database) =>
    database.prepare("INSERT INTO storage VALUES ('shop', 'plain', ?)").run(row),
  );
  const { code, said } = await tool(scene, ['legacy', 'take-over', '--json'], environment);
  const [stored] = withRows(DB_FILE, (database) =>
    database.prepare('SELECT token FROM storage').all(),
  );
  const { sealed, left } = JSON.parse(said);
  return {
    held: code === 1 && sealed === 0 && left.length === 1 && stored?.token === row,
    happened: `${code}: left ${left[0]?.reason}`,
  };
}

/** Backups and rows of the earlier system that somebody else has had. */
export const rowAttacks: readonly Attack[] = [
  restoring('that is cut off', (lines) => lines.slice(0, -4)),
  restoring('without the MAC at its end', (lines) => lines.slice(0, -2)),
  restoring('with a token of another client', (lines) =>
    lines.map((line) => line.replace('"client":"shop', '"client":"other-shop')),
  ),
  restoring('in another order', (lines) => lines.toSpliced(2, 2, lines[3] ?? '', lines[2] ?? '')),
  restoring('with a line twice', (lines) => lines.toSpliced(3, 0, lines[2] ?? '')),
  restoring('under another keyring of the same names', (lines) => lines, otherKeyring),
  { class: 'operator', name: 'an older backup over newer rows', ownOnly: true, run: replayed },
  { class: 'operator', name: 'a backup that is read for its tokens', ownOnly: true, run: read },
  {
    class: 'operator',
    name: "a row of the earlier system in a token's place",
    ownOnly: true,
    run: planted,
  },
  { class: 'operator', name: 'a row of the earlier system, altered', ownOnly: true, run: altered },
];
