import { basic } from './basic.ts';
import { headers } from './headers.ts';
import { query } from './query.ts';

/**
 * Every scheme that there is; schemas, checks, options of `type put` and scrubbing derive from these rows.
 * A proxy refuses a policy whose scheme it has no row for.
 */
export const schemes = [headers, query, basic] as const;
