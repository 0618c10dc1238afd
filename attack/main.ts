/**
 * `npm run attack [-- --json] [-- --only CLASS] [-- --proxy URL …]`: tries every class of attack on a pair
 * that it starts, or on a given one (docs/threat-model.md). The exit code is 1 if any got through.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { print, runCommand } from '../local/command.ts';
import { attacks } from './all-cases.ts';
import { runAttacks } from './run.ts';
import { givenScene } from './scene/given-scene.ts';
import { readAttackOptions } from './scene/options.ts';
import { startOwnScene } from './scene/own-scene.ts';
import { isHeld, isThrough, row, summary, tableHead } from './table.ts';

await runCommand('attack', async () => {
  const { json, only, given } = readAttackOptions(process.argv.slice(2));
  const chosen = attacks.filter((attack) => only === undefined || attack.class === only);
  const folder = mkdtempSync(join(tmpdir(), 'attack-'));
  const closings: (() => unknown)[] = [];
  const closing = { teardown: (close: () => unknown) => void closings.unshift(close) };
  try {
    const scene = given ? await givenScene(closing, given) : await startOwnScene(closing, folder);
    if (!json) for (const line of tableHead) print(line);
    const results = await runAttacks(chosen, scene, (result) => {
      if (!json) print(row(result));
    });
    const through = results.filter(isThrough);
    if (json)
      print(
        JSON.stringify(
          { results, held: results.filter(isHeld).length, through: through.length },
          undefined,
          2,
        ),
      );
    else {
      print();
      for (const line of summary(results)) print(line);
      print(`${results.filter(isHeld).length} held, ${through.length} got through`);
    }
    return through.length === 0 ? 0 : 1;
  } finally {
    for (const close of closings) await close();
    rmSync(folder, { recursive: true, force: true });
  }
});
