import { basename, join } from 'node:path';
import t from 'tap';
import { root } from './command.ts';
import { containerTest, databaseImage } from './engine.ts';

/** The store's contract, and variants of an operator's database. */
const suites = [
  'contract.test.ts',
  'migrations/migrate.test.ts',
  'mysql/access.test.ts',
  'mysql/existing-tables.test.ts',
];

t.setTimeout(600_000);

containerTest(`the store keeps its contract on a container of ${databaseImage}`, async (t) => {
  for (const suite of suites) {
    await t.spawn(
      process.execPath,
      [join(root, 'test/keyserver/store', suite)],
      { env: { ...process.env, TEST_DATABASE_WAY: 'container' } },
      basename(suite),
    );
  }
});
