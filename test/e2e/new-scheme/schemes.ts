import { schemes as known } from '../../../shared/policy/injection/schemes.ts';
import { signed } from './signed.ts';

/** The table as it would be with one more row. */
export const schemes = [...known, signed] as const;
