import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { type Attack, ownOf } from '../../scene/attack.ts';
import { tool, withRows } from './rows.ts';

/**
 * Writes to the before-images of a type, whose first destination was given up, before an operator undoes its last
 * change: the type must stay as it is.
 */
function undoing(name: string, statements: readonly string[]): Attack {
  return {
    class: 'operator',
    name: `an undo over before-images ${name}`,
    ownOnly: true,
    async run(scene) {
      const DB_FILE = join(ownOf(scene).folder, `${randomBytes(4).toString('hex')}.db`);
      const run = (...args: string[]) => tool(scene, args, { DB_FILE });
      const put = (type: string, ...origins: string[]) =>
        run('type', 'put', type, '--destination', ...origins, '--header', 'A: {token}');
      await run('migrate');
      await put('other', 'https://other.example');
      await put('other', 'https://another.example');
      await put('given-up', 'https://leaked.example');
      await put('given-up', 'https://api.example');
      await put('given-up', 'https://api.example', 'https://new.example');
      const type = () =>
        withRows(DB_FILE, (database) =>
          database.prepare("SELECT body FROM documents WHERE id = 'given-up'").get(),
        );
      const before = type();
      withRows(DB_FILE, (database) => {
        for (const sql of statements) database.exec(sql);
      });
      const { code, said } = await run('type', 'undo', 'given-up', '--yes');
      return {
        held: code === 1 && before !== undefined && before.body === type()?.body,
        happened: `${code}: ${said.split('\n', 1)[0]?.slice(0, 90)}`,
      };
    },
  };
}

const newest = "id = 'given-up' AND revision = 5";
const leaked = "id = 'given-up' AND revision = 4";
const replaceBy = (other: string) => [
  `DELETE FROM document_images WHERE ${newest}`,
  `UPDATE document_images SET id = 'given-up', revision = 5 WHERE ${other}`,
];

export const imageAttacks: readonly Attack[] = [
  undoing('with an older one in the place of the newest', replaceBy(leaked)),
  undoing("with another type's", replaceBy("id = 'other' AND revision = 2")),
  undoing('without the newest', [`DELETE FROM document_images WHERE ${newest}`]),
  undoing('without one in between', [`DELETE FROM document_images WHERE ${leaked}`]),
  undoing('with another destination', [
    `UPDATE document_images SET body = REPLACE(body, 'api.', 'evil.') WHERE ${newest}`,
  ]),
];
