import t from 'tap';
import { longSecrets } from './long-secrets.ts';

const parts = [0.1, 0.3, 0.5, 0.7, 0.9];
const pieces = new Map([
  // Pieces of a few bytes are searched together, so that the places of their cuts hardly differ.
  [1, [0]],
  [7, [0]],
  [500, parts],
  [1400, parts],
  [4096, parts],
]);
longSecrets(t, pieces);
