/**
 * The one failure of everything that opens, unwraps or verifies. It carries no cause on purpose:
 * whoever sees it must not learn which check failed (docs/protocol.md §7).
 */
export class OpenError extends Error {
  override readonly name = 'OpenError';

  constructor() {
    super('does not open');
  }
}
