/**
 * The only error of opening, unwrapping and verifying. It has no cause, because a caller must not learn
 * which check failed (docs/protocol.md §7).
 */
export class OpenError extends Error {
  override readonly name = 'OpenError';

  constructor() {
    super('does not open');
  }
}
