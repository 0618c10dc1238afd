/** An error whose message tells the user of a command all there is to know. */
export class LocalError extends Error {
  override readonly name = 'LocalError';
}
