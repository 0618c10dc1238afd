/** Errors of these classes come from a bug, whose stack is needed. */
const bugs = [TypeError, RangeError, ReferenceError, SyntaxError] as const;
const maxCauses = 5;

/**
 * The error for a log entry about something that an operator can mend: its causes in one sentence, the
 * innermost code, and no stack. A bug is returned as it is.
 */
export function plainError(error: unknown): unknown {
  const chain = chainOf(error);
  if (chain.length === 0 || chain.some((one) => bugs.some((bug) => one instanceof bug))) {
    return error;
  }
  const plain = new Error(joined(chain));
  plain.name = chain[0]?.name ?? plain.name;
  delete plain.stack;
  const code = chain.map((one) => Object(one).code).findLast((one) => one !== undefined);
  return code === undefined ? plain : Object.assign(plain, { code });
}

/** An error and its causes in one sentence. */
export function sentenceOf(error: unknown): string {
  return joined(chainOf(error));
}

function joined(chain: readonly Error[]): string {
  const parts: string[] = [];
  for (const { message, name } of chain) {
    const text = (message || name).trim().replace(/\.$/, '');
    if (!parts.some((part) => part.includes(text))) parts.push(text);
  }
  return parts.join(': ');
}

/** The error, then its causes; the attempts of an AggregateError, such as at each address of a name, are causes, too. */
function chainOf(error: unknown, left = maxCauses): Error[] {
  if (!(error instanceof Error) || left < 0) return [];
  const causes = [error.cause, ...(error instanceof AggregateError ? error.errors : [])];
  return [error, ...causes.flatMap((cause) => chainOf(cause, left - 1))];
}
