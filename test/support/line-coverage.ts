import { globSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';

/** Lines that some test ran, of all lines in the folders. */
export interface LineCoverage {
  readonly percent: number;
  /** Files below 100 %, the least covered first; paths relative to the root. */
  readonly gaps: readonly { readonly file: string; readonly percent: number }[];
}

type Summary = Readonly<
  Record<string, { readonly lines: { readonly total: number; readonly covered: number } }>
>;

/**
 * Line coverage over all `.ts` files in `folders`, from an istanbul json-summary. A file that no
 * test loaded counts as not covered, unless it declares types only and so is never loaded.
 */
export function lineCoverage(
  root: string,
  folders: readonly string[],
  summaryFile: string,
): LineCoverage {
  const summary: Summary = JSON.parse(readFileSync(summaryFile, 'utf8'));
  const gaps: { file: string; percent: number }[] = [];
  let total = 0;
  let covered = 0;
  for (const file of globSync(
    folders.map((folder) => `${folder}/**/*.ts`),
    { cwd: root },
  )) {
    const path = resolve(root, file);
    const lines = summary[path]?.lines ?? notLoaded(readFileSync(path, 'utf8'));
    total += lines.total;
    covered += lines.covered;
    if (lines.covered < lines.total)
      gaps.push({ file, percent: percent(lines.covered, lines.total) });
  }
  gaps.sort((a, b) => a.percent - b.percent);
  return { percent: percent(covered, total), gaps };
}

function notLoaded(source: string): { total: number; covered: number } {
  const hasCode = /^(?:export )?(?:default |async |const|let|function|class|await|try|if|for)\b/m;
  return { total: hasCode.test(source) ? source.split('\n').length : 0, covered: 0 };
}

/** Rounded down to tenths, so that what is printed never looks better than it is. */
function percent(part: number, whole: number): number {
  return whole === 0 ? 100 : Math.floor((part / whole) * 1000) / 10;
}
