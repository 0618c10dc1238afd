import { existsSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { root } from '../docs/sources.ts';
import { groups } from './groups.ts';

t.test('every source and test of a mutation group is there', async (t) => {
  t.ok(groups.length > 15);
  for (const { mutate, tests } of groups) {
    for (const file of [...mutate, ...tests]) t.ok(existsSync(join(root, file)), file);
  }
});
