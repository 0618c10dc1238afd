import { execFileSync } from 'node:child_process';
import { readSources, type Source } from '../docs/sources.ts';
import { fileGraph, type ImportGraph, importsOf } from '../support/import-graph.ts';

/** Folders with sources that a test may import. */
const folders = [
  'shared',
  'keyserver',
  'secureproxy',
  'local',
  'openapi',
  'docs',
  'clients',
  'attack',
  'bench',
  'test',
];
/** A test that reaches one of these starts processes, or needs programs of the machine. */
const outside = ['node:child_process', 'node:cluster', 'testcontainers'];
/** The database server alone does not keep tests from sharing a process, and it. */
const databaseServer = /^test\/support\/(?:mariadbd|mariadb-data|mysql-container)\.ts$/;
/** Files of one process: enough to load the product seldom, few enough that all cores are busy to the end. */
const maxGroup = 16;
/** Tests that change what a process has loaded, or measure it. */
const alone = ['test/e2e/', 'test/shared/growth.test.ts'];
/** Tests that reach no code which others do not, so that what they run need not be slowed by coverage. */
const uncovered =
  /^test\/(?:(?:bench|clients|examples|fuzz|local|runner)\/|docs\/operations\.|e2e\/streaming-memory\.)/;
const product = /^(?:shared|keyserver|secureproxy)\//;
const isTest = (path: string) => path.endsWith('.test.ts');
const isLong = (path: string) => path.endsWith('.long.test.ts');

/** The project's tests by what they import. */
export class TestFiles {
  readonly #graph: ImportGraph;
  readonly #outside: ReadonlySet<string>;
  readonly #tests: readonly string[];

  constructor(sources: readonly Source[] = readSources(...folders)) {
    this.#graph = fileGraph(sources);
    this.#tests = sources.map(({ path }) => path).filter(isTest);
    this.#outside = new Set(
      sources
        .filter(({ path }) => !product.test(path))
        .filter((source) => importsOf(source).some((name) => outside.includes(name)))
        .map(({ path }) => path),
    );
  }

  /** All but the long ones. */
  get all(): string[] {
    return this.#tests.filter((path) => !isLong(path));
  }

  /**
   * These files by the process that they run in: alone if they start processes, the others together, and first,
   * since sixteen take longer than most of those alone.
   */
  inGroups(files: readonly string[]): string[][] {
    const together = files.filter(this.#sharesProcess);
    const size = Math.ceil(together.length / Math.ceil(together.length / maxGroup));
    return [
      ...together.flatMap((_, at) => (at % size === 0 ? [together.slice(at, at + size)] : [])),
      ...files.filter((path) => !this.#sharesProcess(path)).map((path) => [path]),
    ];
  }

  /** Those that start no process and need no program of the machine. */
  get unit(): string[] {
    return this.#tests.filter((path) => !isLong(path) && this.#isUnit(path));
  }

  /** Those that repeat a short one at scale, or guard no behaviour of the product. */
  get long(): string[] {
    return this.#tests.filter(isLong);
  }

  /**
   * Those of {@link all} that import one of these files, directly or not. Of a file that is no source, such as a
   * page, the tests of its part.
   */
  reaching(changed: readonly string[]): string[] {
    const sources = changed.filter((path) => this.#graph.has(path));
    const parts = changed
      .filter((path) => !path.endsWith('.ts'))
      .map((path) => (path.includes('/') ? path.replace(/\/.*/, '') : 'docs'))
      .map((part) => (part === 'test' ? 'test/independent' : `test/${part}`));
    return this.all.filter(
      (test) =>
        sources.some((path) => this.#reached(test).has(path)) ||
        parts.some((part) => test.startsWith(`${part}/`)),
    );
  }

  readonly #isUnit = (test: string) => this.#reached(test).isDisjointFrom(this.#outside);

  readonly #sharesProcess = (test: string) => {
    const reached = [...this.#reached(test)];
    return (
      !alone.some((folder) => test.startsWith(folder)) &&
      reached.every((path) => !this.#outside.has(path) || databaseServer.test(path))
    );
  };

  readonly #reachedBy = new Map<string, Set<string>>();

  #reached(test: string): Set<string> {
    const known = this.#reachedBy.get(test);
    if (known !== undefined) return known;
    const reached = new Set([test]);
    for (const path of reached) for (const next of this.#graph.get(path) ?? []) reached.add(next);
    this.#reachedBy.set(test, reached);
    return reached;
  }
}

/** Whether coverage is to be recorded of a process with these test files. */
export function isCovered(files: readonly string[]): boolean {
  return !files.every((path) => uncovered.test(path));
}

/** Files that differ from `commit`, new ones included. @throws if git does not know it */
export function changedSince(root: string, commit = 'HEAD'): string[] {
  const git = (...args: string[]) =>
    execFileSync('git', args, { cwd: root, encoding: 'utf8', stdio: 'pipe' })
      .split('\n')
      .filter(Boolean);
  return [
    ...new Set([
      ...git('diff', '--name-only', commit, '--'),
      ...git('ls-files', '--others', '--exclude-standard'),
    ]),
  ];
}
