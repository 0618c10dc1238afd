import type { TokenRow } from '../../store/store.ts';
import type { OperationContext } from '../context.ts';
import { count } from '../count.ts';

export interface TokenQuestion {
  /** A reason, the same for many, if the token is affected; undefined if it is not. */
  readonly affects: (row: TokenRow) => string | undefined;
  /** A sentence on the affected tokens, which `tokens` counts and names. */
  readonly say: (tokens: string, reason: string) => string;
}

/** Losses by a change: sentences, and questions whose answers are sentences. */
export interface Losses {
  readonly sentences: readonly string[];
  readonly questions: readonly TokenQuestion[];
}

/** Clients that a sentence names. */
const maxExamples = 3;

/** Asks all questions in one pass over the rows; resolves to a sentence for each that affects a token. */
export async function affectedTokens(
  { store }: Pick<OperationContext, 'store'>,
  questions: readonly TokenQuestion[],
): Promise<string[]> {
  if (questions.length === 0) return [];
  const tallies = questions.map((question) => ({
    question,
    number: 0,
    reason: '',
    clients: new Set<string>(),
  }));
  for await (const row of store.listTokens()) {
    for (const tally of tallies) {
      const reason = tally.question.affects(row);
      if (reason === undefined) continue;
      if (tally.number === 0) tally.reason = reason;
      tally.number += 1;
      if (tally.clients.size <= maxExamples) tally.clients.add(row.clientId);
    }
  }
  return tallies
    .filter(({ number }) => number > 0)
    .map(({ question, number, reason, clients }) =>
      question.say(`${count(number, 'stored token')} (${named(clients)})`, reason),
    );
}

function named(clients: ReadonlySet<string>): string {
  const names = [...clients].slice(0, maxExamples).join(', ');
  return `${clients.size === 1 ? 'client' : 'clients'} ${names}${clients.size > maxExamples ? ', …' : ''}`;
}
