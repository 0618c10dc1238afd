import type { Part } from '../machine/parts.ts';
import type { Arrangement } from '../pair/arrangement.ts';
import { callOrder, type Order } from '../pair/calls.ts';
import { concurrency } from '../pair/system.ts';

/** One kind of request, and whose CPU it is counted to. */
export interface Case {
  readonly title: string;
  readonly measured: readonly Part[];
  /** Whose CPU is told besides, and counted to nobody. */
  readonly beside: readonly Part[];
  /** What must have written a log line for every request, or the case was not what it says. */
  readonly passes: readonly Part[];
  /** How many requests its code needs to be compiled as in long use. */
  readonly warmUpRequests: number;
  /** Callers at a time. */
  readonly concurrency: number;
  /** Makes the order of a round, fresh since timestamps are. */
  readonly order: () => Order | Promise<Order>;
}

/** What a case is made from. `seconds` is the length of a round. */
export interface CaseContext extends Arrangement {
  readonly seconds: number;
}

/** Makes a case with the parts that it needs besides; undefined where the machine lacks what it takes. */
export type MakeCase = (context: CaseContext) => Case | Promise<Case | undefined> | undefined;

/** A request to one part, under the usual load. */
export function plainCase(
  title: string,
  part: Part,
  order: Case['order'],
  more: Partial<Case> = {},
): Case {
  return {
    title,
    measured: [part],
    beside: [],
    passes: [],
    warmUpRequests: 20_000,
    concurrency,
    order,
    ...more,
  };
}

/** What `callOrder` makes for the base arrangement, but for what is given. */
export function baseCalls(
  { appKey, clients, upstreamUrl }: Arrangement,
  more: Pick<Parameters<typeof callOrder>[0], 'to'> & Partial<Parameters<typeof callOrder>[0]>,
): () => Order {
  return () => callOrder({ appKey, clients, urls: [upstreamUrl], ...more });
}
