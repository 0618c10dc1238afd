import t from 'tap';
import { type Dialect, needsKeyring } from '../../../keyserver/store/statements.ts';

const dialect: Pick<Dialect, 'tokenTable'> = { tokenTable: '`storage`' };

/** Drives {@link needsKeyring} with one result. */
function answered(rows: readonly Record<string, unknown>[]): boolean | undefined {
  const steps = needsKeyring(dialect);
  steps.next();
  const { done, value } = steps.next({ rows, affected: 0 });
  return done ? value : undefined;
}

t.test('takes no answer for the answer "no rows"', async (t) => {
  t.equal(answered([{ found: 0n }]), false);
  t.equal(answered([{ found: 2n }]), true);
  for (const rows of [[], [{}], [{ found: null }]]) {
    t.throws(() => answered(rows), { name: 'StoreError', message: /no row count/ });
  }
});
