import t from 'tap';
import { fuzzKeyserver } from './keyserver.ts';
import { longFuzz } from './run-inputs.ts';

t.setTimeout(1_200_000);
t.test('KeyServer answers whatever it is asked, and stays as it was', (t) =>
  fuzzKeyserver(t, longFuzz),
);
