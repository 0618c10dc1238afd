import type { Part } from '../machine/parts.ts';
import type { Arrangement } from '../pair/arrangement.ts';
import { callOrder, type Order } from '../pair/calls.ts';
import { concurrency } from '../pair/system.ts';

/** One kind of request, and the processes whose CPU it costs. */
export interface Case {
  readonly title: string;
  readonly measured: readonly Part[];
  /** Their CPU is reported separately and not counted. */
  readonly beside: readonly Part[];
  /** Each of these must have logged every request, or the case did not measure what its title says. */
  readonly passes: readonly Part[];
  /** Requests after which its code is compiled as in long use. */
  readonly warmUpRequests: number;
  /** Callers at a time. */
  readonly concurrency: number;
  /** Makes the order of a round; a new one each time, since its timestamps must be fresh. */
  readonly order: () => Order | Promise<Order>;
}

/** `seconds` is the length of a round. */
export interface CaseContext extends Arrangement {
  readonly seconds: number;
}

/** Makes a case and starts the parts that it needs; undefined if the machine lacks a program for it. */
export type MakeCase = (context: CaseContext) => Case | Promise<Case | undefined> | undefined;

/** Requests to one part, under the usual load. */
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
    warmUpRequests: 60_000,
    concurrency,
    order,
    ...more,
  };
}

/** `callOrder` for the base arrangement; `more` overrides its options. */
export function baseCalls(
  { appKey, clients, upstreamUrl }: Arrangement,
  more: Pick<Parameters<typeof callOrder>[0], 'to'> & Partial<Parameters<typeof callOrder>[0]>,
): () => Order {
  return () => callOrder({ appKey, clients, urls: [upstreamUrl], ...more });
}
