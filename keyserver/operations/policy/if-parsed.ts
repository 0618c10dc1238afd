import { PolicyError } from '../../../shared/policy/policy-error.ts';

/** The result of `use`; `otherwise` for a policy that does not parse, of which another check tells. */
export function ifParsed<T>(otherwise: T, use: () => T): T {
  try {
    return use();
  } catch (error) {
    if (error instanceof PolicyError) return otherwise;
    throw error;
  }
}
