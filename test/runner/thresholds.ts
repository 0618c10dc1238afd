import type { Thresholds } from './coverage.ts';

/** A point below what was reached last. Raise them when coverage rises. */
export const thresholds: Thresholds = {
  '**': { lines: 98, branches: 90 },
};
