import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Report } from '../report/report.ts';
import { resultsFile } from '../report/save.ts';

export const pageFile = join(import.meta.dirname, '../../docs/scale.md');
const marks = ['<!-- npm run scale -- --save -->', '<!-- end -->'] as const;

/** The saved run of the benchmark. */
export function readReport(): Report {
  return JSON.parse(readFileSync(resultsFile, 'utf8')) as Report;
}

/** The page with these tables in place of those between its marks. @throws Error without its marks */
export function withTables(page: string, tables: string): string {
  const [begin, end] = marks.map((mark) => page.indexOf(mark));
  if (begin === undefined || end === undefined || begin < 0 || end < begin) {
    throw new Error('docs/scale.md has lost its marks');
  }
  return `${page.slice(0, begin + marks[0].length)}\n\n${tables}\n\n${page.slice(end)}`;
}
