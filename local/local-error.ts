/** Trouble that one line explains to whoever typed the command. */
export class LocalError extends Error {
  override readonly name = 'LocalError';
}
