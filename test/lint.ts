/** Lint and format of `npm run check`; the exit code is biome's. */
import { spawnSync } from 'node:child_process';
import { resolve } from 'node:path';
import { lintChanged } from './runner/lint.ts';

const root = resolve(import.meta.dirname, '..');
process.exitCode = lintChanged(root, (paths) => {
  const args = ['check', '--error-on-warnings', '--no-errors-on-unmatched', ...paths];
  return spawnSync('biome', args, { cwd: root, stdio: 'inherit' }).status ?? 1;
});
