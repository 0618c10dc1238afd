/**
 * `npm run scale`, with the options of docs/scale.md: what machines a number of calls takes, from the
 * costs that `npm run bench -- --save` measured. The same numbers at every run.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { print, runCommand } from '../../local/command.ts';
import { costsOf, pointsOf } from './costs.ts';
import { readScaleOptions } from './options.ts';
import { pageFile, readReport, withTables } from './page.ts';
import { scaleTables } from './report.ts';
import { simulate } from './simulate.ts';

await runCommand('scale', async () => {
  const { save, deployment } = readScaleOptions(process.argv.slice(2));
  const report = readReport();
  const costs = costsOf(report);
  if (deployment !== undefined) {
    print(JSON.stringify(simulate({ costs, ...deployment }), undefined, 2));
    return 0;
  }
  const tables = scaleTables(costs, pointsOf(report));
  print(tables);
  if (save) writeFileSync(pageFile, withTables(readFileSync(pageFile, 'utf8'), tables));
  return 0;
});
