import t from 'tap';
import { shortFuzz } from './run-inputs.ts';
import { fuzzSecureproxy } from './secureproxy.ts';

t.test('SecureProxy answers whatever it is asked, and stays as it was', (t) =>
  fuzzSecureproxy(t, shortFuzz),
);
