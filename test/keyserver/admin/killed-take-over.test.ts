import t from 'tap';
import { earlierTable } from './earlier-table.ts';
import { killTakeOvers, startTakeOver } from './killed-take-over.ts';

t.setTimeout(600_000);

const tables = [
  { place: 'mysql', clientType: 'BIGINT', rows: 3_000 },
  { place: 'sqlite', clientType: 'TEXT', rows: 3_000 },
] as const;

for (const table of tables) {
  t.test(`a take-over on ${table.place} goes on where it was killed`, async (t) => {
    const earlier = await earlierTable(t, table);
    t.ok((await killTakeOvers(t, earlier, 3)) > 0);
    const runs = await Promise.all(
      [startTakeOver(earlier), startTakeOver(earlier)].map(({ ended }) => ended),
    );
    for (const { code, result, stderr } of runs) {
      t.equal(code, 0, stderr);
      t.match(result, { unsettled: 0, left: [] });
    }
    t.equal(
      await earlier.compareAll(),
      table.rows,
      'every row is sealed, and its copy is as it was',
    );
  });
}
