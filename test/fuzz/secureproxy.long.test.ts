import t from 'tap';
import { longFuzz } from './run-inputs.ts';
import { fuzzSecureproxy } from './secureproxy.ts';

t.setTimeout(1_200_000);
t.test('SecureProxy answers whatever it is asked, and stays as it was', (t) =>
  fuzzSecureproxy(t, longFuzz),
);
