import t from 'tap';
import { fuzzRawHttp } from './raw-http.ts';
import { shortFuzz } from './run-inputs.ts';

t.test('both services take any bytes for what they are, and stay as they were', (t) =>
  fuzzRawHttp(t, shortFuzz),
);
