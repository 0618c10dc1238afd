/** The member of a policy that cannot be used. */
export type PolicyErrorCode = 'destination_invalid' | 'cidr_invalid';

/** Text of a policy that does not parse; `message` is a sentence for the operator. */
export class PolicyError extends Error {
  override readonly name = 'PolicyError';
  readonly code: PolicyErrorCode;

  constructor(code: PolicyErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}
