/**
 * `npm test`: types, lint and format, then every short test with coverage, on a MySQL-protocol server and on
 * SQLite. `--unit`, `--changed` and `--long` choose some of the tests, and so do files; then nothing else is
 * demanded (CONTRIBUTING.md). The last line is `N passed, N failed`; the exit code is 0 if nothing failed.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join, resolve } from 'node:path';
import { LocalError } from '../local/local-error.ts';
import { belowThresholds, keepCoverage, readCoverage } from './runner/coverage.ts';
import { Durations } from './runner/durations.ts';
import { readTestOptions } from './runner/options.ts';
import { runFiles } from './runner/run-files.ts';
import { boundsOfMachine, sideBySide } from './runner/side-by-side.ts';
import type { FileResult } from './runner/tap-output.ts';
import { isCovered } from './runner/test-files.ts';
import { thresholds } from './runner/thresholds.ts';
import { rsaPem } from './support/key-folders.ts';

const root = resolve(import.meta.dirname, '..');
const sourceFolders = ['shared', 'keyserver', 'secureproxy'];
const maxGapsShown = 10;
const scratch = mkdtempSync(join(tmpdir(), 'test-run-'));
const coverage = join(scratch, 'coverage');
const databaseLog = join(scratch, 'databases');
writeFileSync(databaseLog, '');
process.env.TEST_DATABASE_LOG = databaseLog;
process.env.TEST_PORTS = mkdtempSync(join(scratch, 'ports-'));
// The project's own Node and tools come first, also if npm did not start this.
process.env.PATH = join(root, 'node_modules/.bin') + delimiter + process.env.PATH;
// Most of a test's time is the start of its process. Below node_modules, where others cannot plant code.
process.env.NODE_COMPILE_CACHE = join(root, 'node_modules/.cache/node-compile-tests');
const durations = new Durations(join(root, 'node_modules/.cache/test-seconds.json'));

let passed = 0;
let failed = 0;
const skipped: string[] = [];

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** Counts one demand that is not an assertion of a test file, and prints what came of it. */
function demand(what: string, isMet: boolean): void {
  print(`${isMet ? 'ok  ' : 'FAIL'} ${what}`);
  if (isMet) passed += 1;
  else failed += 1;
}

/** Runs a tool; its output is shown. Resolves to whether it succeeded. */
function run(command: string, ...args: string[]): Promise<boolean> {
  const child = spawn(command, args, { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] });
  return new Promise((done) => {
    child.once('error', () => done(false));
    child.once('close', (code) => done(code === 0));
  });
}

async function databaseServer(): Promise<boolean> {
  process.env.TEST_MARIADB_DATA = join(scratch, 'mariadb');
  const { ensureServer } = await import('./support/mysql-server.ts');
  try {
    print(`MySQL-protocol server: ${await ensureServer()}`);
    return true;
  } catch (error) {
    print(error instanceof Error ? error.message : String(error));
    return false;
  }
}

function report({ file, seconds, ...result }: FileResult): void {
  print(`${result.failed === 0 ? 'ok  ' : 'FAIL'} ${file} (${seconds.toFixed(1)} s)`);
  if (result.failed > 0) for (const line of result.said) print(`  ${line}`);
  passed += result.passed;
  failed += result.failed;
  skipped.push(...result.skipped.map((name) => `${file}: ${name}`));
}

/** Runs a process each. */
async function runGroups(groups: readonly string[][], withCoverage: boolean): Promise<void> {
  const ordered = [...durations.longestFirst(groups).entries()];
  await sideBySide(ordered, boundsOfMachine(), async ([place, files]) => {
    const folder = join(scratch, `v8-${place}`);
    const isRecorded = withCoverage && isCovered(files);
    const results = await runFiles(root, files, isRecorded ? folder : undefined);
    if (isRecorded) keepCoverage(root, sourceFolders, folder, coverage);
    for (const result of results) report(result);
    durations.note(results);
  });
  durations.save();
}

function reportDatabases(): void {
  const suites = [...new Set(readFileSync(databaseLog, 'utf8').split('\n'))].filter(Boolean).sort();
  for (const line of suites) print(`     ${line.replace('\t', ': ')}`);
  for (const [name, pattern] of [
    ['a MySQL-protocol server', /\t.*(?:mysql|mariadb)/i],
    ['SQLite', /\t.*sqlite/i],
  ] as const) {
    demand(
      `a suite ran on ${name}`,
      suites.some((line) => pattern.test(line)),
    );
  }
}

/** With `TEST_SKIPS=none`, as in `.ci/run`, a test that was skipped is a failure. */
function reportSkips(): void {
  for (const name of skipped.sort()) print(`     skipped: ${name}`);
  if (process.env.TEST_SKIPS === 'none') demand('no test was skipped', skipped.length === 0);
}

async function reportCoverage(): Promise<void> {
  const all = await readCoverage(root, sourceFolders, coverage);
  demand('coverage was recorded', all.length > 0);
  const below = belowThresholds(all, thresholds);
  const gaps = all.filter(({ measure, percent }) => measure === 'lines' && percent < 100);
  for (const { file, percent } of gaps.sort((a, b) => a.percent - b.percent).slice(0, maxGapsShown))
    print(`     ${percent} % of the lines of ${file}`);
  for (const { measure, percent } of all.filter((one) => one.file === '**'))
    print(`     ${percent} % of all ${measure}`);
  for (const { file, measure, percent, least } of below)
    print(`     ${percent} % of the ${measure} of ${file}, of at least ${least} %`);
  demand('coverage is above its thresholds', below.length === 0);
}

async function runAll(groups: readonly string[][]): Promise<void> {
  process.env.TEST_RSA_KEY = join(scratch, 'rsa.pem');
  writeFileSync(process.env.TEST_RSA_KEY, rsaPem(), { mode: 0o600 });
  const [types, lint, database] = await Promise.all([
    run('tsc'),
    run('node', 'test/lint.ts'),
    databaseServer(),
  ]);
  demand('types', types);
  demand('lint and format', lint);
  demand('a MySQL-protocol server is to be had', database);
  await runGroups(groups, true);
  reportDatabases();
  await reportCoverage();
}

try {
  const { groups, isAll } = readTestOptions(root, process.argv.slice(2));
  if (isAll) await runAll(groups);
  else await runGroups(groups, false);
  reportSkips();
} catch (error) {
  if (error instanceof LocalError) print(error.message);
  else print(error instanceof Error ? String(error.stack) : String(error));
  failed += 1;
}
rmSync(scratch, { recursive: true, force: true });
// Anything that a test support file left open must not keep the run from ending.
process.stdout.write(`${passed} passed, ${failed} failed\n`, () =>
  process.exit(failed === 0 ? 0 : 1),
);
