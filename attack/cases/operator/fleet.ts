import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { storagePlaces } from '../../../local/state.ts';
import { runToolHere } from '../../../test/support/tool-here.ts';
import { type Attack, type Outcome, ownOf, type Scene } from '../../scene/attack.ts';

/** Runs `apply` on a text, with the database and keys of the pair. */
async function apply(scene: Scene, text: string, ...options: string[]) {
  const { folder } = ownOf(scene);
  const { code, written } = await runToolHere({
    args: ['apply', '--file', '-', ...options],
    environment: { ...storagePlaces(folder) },
    folder,
    stdin: Buffer.from(text),
  });
  return { code, said: written.map(({ text: part }) => part).join('') };
}

function refused({ code, said }: { code: number; said: string }, expected: RegExp): Outcome {
  const happened = `${code}: ${said.split('\n', 1)[0]?.slice(0, 120)}`;
  return { held: code !== 0 && expected.test(said), happened };
}

/** An app whose name leads out of the folder that its key goes to. */
async function climbing(scene: Scene): Promise<Outcome> {
  const { folder } = ownOf(scene);
  const app = '../../climbed';
  const file = JSON.stringify({ apps: { [app]: { grants: [] } } });
  const { code } = await apply(scene, file, '--keys-to', 'new-keys');
  const files = readdirSync(join(folder, 'new-keys'));
  rmSync(join(folder, 'new-keys'), { recursive: true });
  await runToolHere({
    args: ['app', 'revoke', app, '--yes'],
    environment: { ...storagePlaces(folder) },
    folder,
    stdin: Buffer.alloc(0),
  });
  return {
    held: code === 0 && files.length === 1 && files[0] === 'app-..%2F..%2Fclimbed.key',
    happened: `${code}: ${files.join(' ')}`,
  };
}

/** A row with more rights than the operator gave, for `apply` to seal. */
async function forged(scene: Scene): Promise<Outcome> {
  const { DB_FILE = '' } = storagePlaces(ownOf(scene).folder);
  const database = new DatabaseSync(DB_FILE, { timeout: 5000 });
  const body = JSON.stringify({ keys: [], grants: [{ client: '*', type: '*' }], direct: true });
  try {
    database.prepare("INSERT INTO documents VALUES ('app', 'forged', 1, 'k', ?, 'AAAA')").run(body);
    const ended = await apply(scene, 'apps: { forged: { grants: [] } }');
    const row = database.prepare("SELECT mac FROM documents WHERE id = 'forged'").get();
    const { held, happened } = refused(ended, /"forged" does not open/);
    return { held: held && row?.mac === 'AAAA', happened };
  } finally {
    database.exec("DELETE FROM documents WHERE id = 'forged'");
    database.close();
  }
}

const bomb = [
  'a0: &a0 x',
  ...Array.from({ length: 20 }, (_, n) => `a${n + 1}: &a${n + 1} [*a${n}, *a${n}]`),
];

/** Files of the fleet that somebody else wrote or prepared for. */
export const fleetAttacks: readonly Attack[] = [
  {
    class: 'operator',
    name: 'a fleet file with an app whose name climbs out of the folder of keys',
    ownOnly: true,
    run: climbing,
  },
  {
    class: 'operator',
    name: 'a fleet file with an app whose row somebody else wrote',
    ownOnly: true,
    run: forged,
  },
  {
    class: 'operator',
    name: 'a fleet file of aliases of aliases',
    ownOnly: true,
    run: async (scene) => refused(await apply(scene, bomb.join('\n')), /aliases are too many/),
  },
];
