import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
} from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { root } from '../docs/sources.ts';

/** Under the project's packages, where nothing takes them for its sources. */
const cache = join(root, 'node_modules/.cache');

/** npm's messages for a failing network. */
const unreachablePattern =
  /\b(?:ENOTFOUND|EAI_AGAIN|ECONN\w+|ENETUNREACH|EHOSTUNREACH|E\w*TIMEDOUT)\b/;

/**
 * Installs the packages of this folder's lock file, unless they are there. Resolves to their folder, and to why the
 * test must be skipped if no registry can be reached.
 */
export async function installSdks(): Promise<{ installed: string; skip: string | false }> {
  const lock = readFileSync(join(import.meta.dirname, 'package-lock.json'));
  const installed = join(cache, `sdks-${createHash('sha256').update(lock).digest('hex')}`);
  if (existsSync(installed)) return { installed, skip: false };
  mkdirSync(cache, { recursive: true });
  const folder = mkdtempSync(join(cache, 'sdks-'));
  for (const file of ['package.json', 'package-lock.json']) {
    cpSync(join(import.meta.dirname, file), join(folder, file));
  }
  try {
    const options = ['--ignore-scripts', '--no-audit', '--fetch-retries=1'];
    await promisify(execFile)('npm', ['ci', ...options], { cwd: folder });
    renameSync(folder, installed);
    return { installed, skip: false };
  } catch (error) {
    // Another test may have been faster.
    if (existsSync(installed)) return { installed, skip: false };
    const [unreachable] = unreachablePattern.exec(String(Object(error).stderr)) ?? [];
    if (unreachable === undefined) throw error;
    return { installed, skip: `no registry of packages can be reached: ${unreachable}` };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
