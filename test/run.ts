/**
 * `npm test`: types, lint and format, then every test with line coverage, on a MySQL-protocol server
 * and on SQLite. With file names only those tests run, and nothing else is demanded.
 * The last line is `N passed, N failed`; the exit code is 0 only where nothing failed.
 */
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import type { Leg } from './containers/engine.ts';
import { lineCoverage } from './support/line-coverage.ts';
import { readTap, type TapCounts } from './support/tap-output.ts';

const root = resolve(import.meta.dirname, '..');
const sourceFolders = ['shared', 'keyserver', 'secureproxy'];
const minimumLinePercent = 95;
const containerLegs: readonly Leg[] = [
  'store contract',
  'images',
  'replicas',
  'compose.yaml',
  'docs/deployment.md',
];
const files = process.argv.slice(2);
const scratch = mkdtempSync(join(tmpdir(), 'test-run-'));
const databaseLog = join(scratch, 'databases');
writeFileSync(databaseLog, '');
process.env.TEST_DATABASE_LOG = databaseLog;
const containerLog = join(scratch, 'containers');
writeFileSync(containerLog, '');
process.env.TEST_CONTAINER_LOG = containerLog;
// The project's own Node and tools come first, also where npm did not start this.
process.env.PATH = join(root, 'node_modules/.bin') + delimiter + process.env.PATH;

let passed = 0;
let failed = 0;

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** Counts one demand that is not an assertion of a test file, and says what came of it. */
function demand(what: string, met: boolean): void {
  print(`${met ? 'ok  ' : 'FAIL'} ${what}`);
  if (met) passed += 1;
  else failed += 1;
}

/** Runs a tool with its output shown; resolves to whether it succeeded. */
async function run(command: string, ...args: string[]): Promise<boolean> {
  const child = spawn(command, args, { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] });
  return exited(child);
}

function exited(child: ReturnType<typeof spawn>): Promise<boolean> {
  return new Promise((done) => {
    child.once('error', () => done(false));
    child.once('close', (code) => done(code === 0));
  });
}

async function tap(...args: string[]): Promise<TapCounts> {
  const child = spawn('tap', ['--reporter=tap', ...args], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const success = exited(child);
  const counts = await readTap(createInterface({ input: child.stdout }), print);
  const silentFailure = !(await success) && counts.failed === 0;
  return silentFailure ? { ...counts, failed: 1 } : counts;
}

async function databaseServer(): Promise<boolean> {
  const { ensureServer } = await import('./support/mysql-server.ts');
  try {
    print(`MySQL-protocol server: ${await ensureServer()}`);
    return true;
  } catch (error) {
    print(error instanceof Error ? error.message : String(error));
    return false;
  }
}

function reportDatabases(): void {
  const suites = [...new Set(readFileSync(databaseLog, 'utf8').split('\n'))].filter(Boolean).sort();
  for (const line of suites) {
    const [suite, database] = line.split('\t');
    print(`     ${suite}: ${database}`);
  }
  demand(
    'a suite ran on a MySQL-protocol server',
    suites.some((line) => /\t.*(?:mysql|mariadb)/i.test(line)),
  );
  demand(
    'a suite ran on SQLite',
    suites.some((line) => /\t.*sqlite/i.test(line)),
  );
}

/** With `TEST_CONTAINERS=required` every leg of test/containers must have run, without a failure. */
function reportContainers(): void {
  const ran = [...new Set(readFileSync(containerLog, 'utf8').split('\n'))].filter(Boolean).sort();
  const why = process.env.DOCKER_HOST ? 'see above' : 'DOCKER_HOST is not set';
  print(`     on containers: ${ran.length > 0 ? ran.join(', ') : `nothing (${why})`}`);
  if (process.env.TEST_CONTAINERS !== 'required') return;
  for (const leg of containerLegs) demand(`ran on containers: ${leg}`, ran.includes(leg));
}

function reportCoverage(): void {
  const summaryFile = join(root, '.tap/report/coverage-summary.json');
  if (!existsSync(summaryFile)) {
    demand('coverage was recorded', false);
    return;
  }
  const { percent, gaps } = lineCoverage(root, sourceFolders, summaryFile);
  for (const gap of gaps.slice(0, 10)) print(`     ${gap.percent} % of ${gap.file}`);
  demand(
    `lines covered: ${percent} %, at least ${minimumLinePercent} %`,
    percent >= minimumLinePercent,
  );
}

async function runAll(): Promise<TapCounts> {
  demand('types', await run('tsc', '--noEmit'));
  demand('lint and format', await run('biome', 'check', '--error-on-warnings'));
  demand('a MySQL-protocol server is to be had', await databaseServer());
  rmSync(join(root, '.tap/report'), { recursive: true, force: true });
  demand('tap builds', await run('tap', 'build'));
  const counts = await tap('--coverage-report=json-summary');
  reportDatabases();
  reportContainers();
  reportCoverage();
  return counts;
}

async function runSome(): Promise<TapCounts> {
  await run('tap', 'build');
  return tap('--disable-coverage', ...files);
}

try {
  const counts = files.length === 0 ? await runAll() : await runSome();
  passed += counts.passed;
  failed += counts.failed;
  if (counts.skipped > 0) print(`${counts.skipped} skipped`);
} catch (error) {
  print(error instanceof Error ? String(error.stack) : String(error));
  failed += 1;
}
rmSync(scratch, { recursive: true, force: true });
// Whatever a test support file left open must not keep the run from ending.
process.stdout.write(`${passed} passed, ${failed} failed\n`, () =>
  process.exit(failed === 0 ? 0 : 1),
);
