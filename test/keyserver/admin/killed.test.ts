import t from 'tap';
import { killMidways } from './killed.ts';

t.test('an import or restore that was killed goes on by the same command', (t) =>
  killMidways(t, 'sqlite'),
);
