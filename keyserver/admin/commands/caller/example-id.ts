import type { CallerKind } from '../../../operations/callers.ts';

/** Names for the examples of commands that both have. */
export const exampleId: Record<CallerKind, string> = { app: 'reports', proxy: 'dc-1' };
