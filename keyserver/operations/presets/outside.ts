import type { Policy } from '../../../shared/policy/schema.ts';
import { OperationError } from '../operation-error.ts';
import { findAuth, findPreset } from './find.ts';
import { hostsOf, widening } from './hosts.ts';

/** Those of the destinations that are no hosts of the preset that a type was made of. */
export function outsideOf(
  { id, auth, sandbox }: NonNullable<Policy['preset']>,
  destinations: readonly string[],
): string[] {
  try {
    const preset = findPreset(id);
    return widening(hostsOf(preset, findAuth(preset, auth), sandbox === true), destinations);
  } catch (error) {
    // A preset of another version: nobody has verified a host of it.
    if (error instanceof OperationError) return [...destinations];
    throw error;
  }
}
