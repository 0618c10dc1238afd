import { OpenError } from '../../../shared/crypto/open-error.ts';

/** True if `attempt` throws OpenError itself; false if it returns. Any other error goes on. */
export function isRefused(attempt: () => unknown): boolean {
  try {
    attempt();
    return false;
  } catch (error) {
    if (error instanceof OpenError) return true;
    throw error;
  }
}

/** Everything a caller could tell errors apart by, but for the stack. */
export function traits(error: unknown): object {
  const { name, message } = error as Error;
  const own = Object.getOwnPropertyNames(error).filter((member) => member !== 'stack');
  return { name, message, own, prototype: Object.getPrototypeOf(error) };
}
