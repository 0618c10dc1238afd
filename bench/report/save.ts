import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { toSvg } from './chart.ts';
import { type Report, toMarkdown } from './report.ts';

/** The numbers of the run that RESULTS.md shows. */
export const resultsFile = join(import.meta.dirname, '../results.json');

/** Writes a report as RESULTS.md with its chart, and as numbers. */
export function saveReport(report: Report): void {
  const page = [
    '# What it measured',
    '',
    '`npm run bench -- --save` ([docs/bench.md](../docs/bench.md)).',
    '',
    '![CPU a request](results.svg)',
    '',
    toMarkdown(report),
  ];
  writeFileSync(resultsFile, `${JSON.stringify(report, undefined, 2)}\n`);
  writeFileSync(join(import.meta.dirname, '../results.svg'), toSvg(report));
  writeFileSync(join(import.meta.dirname, '../RESULTS.md'), page.join('\n'));
}
