import t from 'tap';
import { fuzzKeyserver } from './keyserver.ts';
import { shortFuzz } from './run-inputs.ts';

t.test('KeyServer answers whatever it is asked, and stays as it was', (t) =>
  fuzzKeyserver(t, shortFuzz),
);
