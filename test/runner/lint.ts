import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** The state of each file when all were found good. */
const kept = 'node_modules/.cache/linted.json';
/** A change of one of these may change what is found in any file. */
const rules = ['biome.json', 'node_modules/@biomejs/biome/package.json'];
type States = Readonly<Record<string, string>>;

/**
 * Runs a linter over the files below `root` that differ from what it last found good, since most of its time goes
 * to those that do not; over all if git does not list them. Returns its exit code.
 */
export function lintChanged(root: string, lint: (paths: readonly string[]) => number): number {
  const path = join(root, kept);
  const good = readIfThere(path);
  // Taken first, so that a file that changes meanwhile is linted the next time.
  const now = statesOf(root);
  if (now === undefined) return lint([]);
  const isAll = rules.some((one) => now[one] !== good[one]);
  const changed = Object.keys(now).filter((one) => isAll || now[one] !== good[one]);
  const code = changed.length === 0 ? 0 : lint(changed);
  if (code === 0) {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, JSON.stringify(now));
  }
  return code;
}

function statesOf(root: string): States | undefined {
  const listed = filesOf(root);
  if (listed === undefined) return undefined;
  const states = [...listed, ...rules].map((path) => {
    const stat = statSync(join(root, path), { throwIfNoEntry: false });
    return [path, stat && `${stat.size} ${stat.mtimeMs} ${stat.ctimeMs}`];
  });
  return Object.fromEntries(states.filter(([, state]) => state !== undefined));
}

/** Those that git knows or does not ignore; undefined outside of a repository. */
function filesOf(root: string): string[] | undefined {
  try {
    const args = ['ls-files', '--cached', '--others', '--exclude-standard', '-z'];
    const listed = execFileSync('git', args, { cwd: root, encoding: 'utf8', stdio: 'pipe' });
    return listed.split('\0').filter(Boolean);
  } catch {
    return undefined;
  }
}

function readIfThere(path: string): States {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    return {};
  }
}
