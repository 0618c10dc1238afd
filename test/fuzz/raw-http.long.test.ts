import t from 'tap';
import { fuzzRawHttp } from './raw-http.ts';
import { longFuzz } from './run-inputs.ts';

t.setTimeout(1_200_000);
t.test('both services take any bytes for what they are, and stay as they were', (t) =>
  fuzzRawHttp(t, longFuzz),
);
