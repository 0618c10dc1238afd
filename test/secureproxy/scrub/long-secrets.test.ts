import t from 'tap';
import { everyCut, longSecrets } from './long-secrets.ts';

const pieces = new Map([
  [7, [0]],
  [500, [0.3]],
  [1400, [0.7]],
]);
longSecrets(t, pieces);
everyCut(t);
