import t from 'tap';
import { ConfigError } from '../../../shared/settings/config.ts';
import { faultsOf, loadAll } from '../../../shared/settings/faults.ts';

const fail = (...faults: string[]) => {
  throw new ConfigError(faults);
};

t.test('returns what all loads resulted in, in order', async (t) => {
  t.same(loadAll([() => 1, () => undefined, () => 'three']), [1, undefined, 'three']);
});

t.test('names the faults of all that fail, and runs those after them', async (t) => {
  let hasRun = false;
  const faults = faultsOf(() =>
    loadAll([
      () => fail('one', 'two'),
      () => {
        hasRun = true;
      },
      () => fail('three'),
    ]),
  );
  t.same(faults, ['one', 'two', 'three']);
  t.equal(hasRun, true);
});

t.test('passes on what is no fault of the settings', async (t) => {
  const broken = () => {
    throw new TypeError('broken');
  };
  t.throws(() => faultsOf(broken), TypeError);
  t.throws(() => loadAll([() => fail('one'), broken]), TypeError);
});
