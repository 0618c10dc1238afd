/** Text of a policy that does not parse; `message` is a sentence for the operator. */
export class PolicyError extends Error {
  override readonly name = 'PolicyError';
}
