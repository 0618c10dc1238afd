import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Durability is of no use here; all that is left is speed. */
export const hastyArguments = [
  '--innodb-flush-log-at-trx-commit=0',
  '--innodb-flush-method=nosync',
  '--innodb-doublewrite=0',
  '--innodb-log-file-size=16M',
  '--innodb-buffer-pool-size=64M',
  '--innodb-use-native-aio=0',
  '--performance-schema=OFF',
];

/**
 * Makes the data of a new server in the folder `data`, by mariadb-install-db. In a whole run, which names a folder in
 * `TEST_MARIADB_DATA`, the first makes them there, and the others copy them.
 */
export function makeData(install: string, asRoot: readonly string[], data: string): void {
  const { TEST_MARIADB_DATA: shared = data } = process.env;
  if (!existsSync(shared)) {
    // In the common folder a server that starts removes the temporary tables of every other.
    const folder = mkdtempSync(join(tmpdir(), 'mariadb-install-'));
    execFileSync(
      install,
      ['--no-defaults', ...asRoot, `--datadir=${shared}`, `--tmpdir=${folder}`].concat([
        '--auth-root-authentication-method=normal',
        '--skip-test-db',
        '--skip-name-resolve',
        ...hastyArguments,
      ]),
      { stdio: 'ignore' },
    );
    rmSync(folder, { recursive: true });
  }
  if (shared !== data) cpSync(shared, data, { recursive: true });
}
