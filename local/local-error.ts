/** An expected error of a command; its message is all that the user needs. */
export class LocalError extends Error {
  override readonly name = 'LocalError';
}
