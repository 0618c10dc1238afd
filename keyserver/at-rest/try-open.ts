import { OpenError } from '../../shared/crypto/open-error.ts';

/** The result of `open`; undefined if the row does not open. */
export function tryOpen<T>(open: () => T): T | undefined {
  try {
    return open();
  } catch (error) {
    // A body that is not JSON but has a valid MAC throws a SyntaxError.
    if (error instanceof OpenError || error instanceof SyntaxError) return undefined;
    throw error;
  }
}
