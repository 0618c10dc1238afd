import { globSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join, matchesGlob, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Report } from 'c8';

const measures = ['lines', 'branches'] as const;
type Measure = (typeof measures)[number];
type Part = { readonly total: number; readonly covered: number };
type Summary = Readonly<Record<string, Readonly<Record<Measure, Part>>>>;

/** Percentages that must be reached, by file; `**` stands for all files together. */
export type Thresholds = Readonly<Record<string, Partial<Record<Measure, number>>>>;

/** A percentage, rounded down to tenths, so that what is printed never looks better than it is. */
export interface Covered {
  readonly file: string;
  readonly measure: Measure;
  readonly percent: number;
}

/**
 * Keeps of the coverage that the processes of one test file left in `folder` the sources below `sourceFolders`
 * alone, in `kept`: all modules of all packages together would fill gigabytes.
 */
export function keepCoverage(
  root: string,
  sourceFolders: readonly string[],
  folder: string,
  kept: string,
): void {
  const prefixes = sourceFolders.map((name) => `${pathToFileURL(join(root, name)).href}/`);
  mkdirSync(kept, { recursive: true });
  for (const file of globSync(join(folder, 'coverage-*.json'))) {
    let recorded: { result: { url: string }[] };
    try {
      recorded = JSON.parse(readFileSync(file, 'utf8'));
    } catch {
      // A process that was killed left a part of a file.
      continue;
    }
    const result = recorded.result.filter(({ url }) => prefixes.some((one) => url.startsWith(one)));
    if (result.length > 0) writeFileSync(join(kept, basename(file)), JSON.stringify({ result }));
  }
  rmSync(folder, { recursive: true, force: true });
}

/** Joins the coverage in `kept`; resolves to what is covered of each source, and of all as `**`. */
export async function readCoverage(
  root: string,
  sourceFolders: readonly string[],
  kept: string,
): Promise<Covered[]> {
  if (readdirSync(kept).length === 0) return [];
  const reportsDirectory = join(kept, 'report');
  const report = new Report({
    tempDirectory: kept,
    reportsDirectory,
    reporter: ['json-summary'],
    resolve: root,
    src: [root],
    all: false,
    exclude: [],
    extension: ['.ts'],
    excludeNodeModules: true,
  });
  await report.run();
  const summary: Summary = JSON.parse(
    readFileSync(join(reportsDirectory, 'coverage-summary.json'), 'utf8'),
  );
  return covered(root, sourceFolders, summary);
}

/**
 * Of each source in `folders` what is covered, from an istanbul json-summary. A file that no test loaded counts
 * as not covered, unless it declares types only and so is never loaded.
 */
export function covered(root: string, folders: readonly string[], summary: Summary): Covered[] {
  const sources = globSync(
    folders.map((folder) => `${folder}/**/*.ts`),
    { cwd: root },
  );
  return measures.flatMap((measure) => {
    const parts = sources.sort().map((file) => {
      const path = resolve(root, file);
      return { file, ...(summary[path] ?? notLoaded(readFileSync(path, 'utf8')))[measure] };
    });
    const all = {
      file: '**',
      total: sum(parts.map(({ total }) => total)),
      covered: sum(parts.map((part) => part.covered)),
    };
    return [all, ...parts].map(({ file, total, covered }) => ({
      file,
      measure,
      percent: total === 0 ? 100 : Math.floor((covered / total) * 1000) / 10,
    }));
  });
}

/** Files below their threshold; of several thresholds that match a file, the last one holds. */
export function belowThresholds(
  all: readonly Covered[],
  thresholds: Thresholds,
): (Covered & { readonly least: number })[] {
  return all.flatMap((one) => {
    const least = leastOf(one, thresholds);
    return least !== undefined && one.percent < least ? [{ ...one, least }] : [];
  });
}

function leastOf({ file, measure }: Covered, thresholds: Thresholds): number | undefined {
  return Object.entries(thresholds)
    .filter(([pattern]) =>
      pattern === '**' ? file === '**' : file !== '**' && matchesGlob(file, pattern),
    )
    .map(([, least]) => least[measure])
    .findLast((least) => least !== undefined);
}

function notLoaded(source: string): Record<Measure, Part> {
  const hasCode = /^(?:export )?(?:default |async |const|let|function|class|await|try|if|for)\b/m;
  const missed = (total: number) => ({ total: hasCode.test(source) ? total : 0, covered: 0 });
  return { lines: missed(source.split('\n').length), branches: missed(1) };
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, one) => total + one, 0);
}
