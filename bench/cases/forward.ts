import { forwardOrder } from '../pair/calls.ts';
import { type Case, type CaseContext, type MakeCase, plainCase } from './case.ts';

/** `/forward` with a cached release, beside the peer's GET and streamed POST. */
export const forwardCases = {
  'forward-get': (context) => forward(context, 'GET'),
  'forward-100k-up': (context) =>
    forward(context, '100 KB to the marketplace', 100_000, { warmUpRequests: 2000 }),
  'forward-10m-up': (context) =>
    forward(context, '10 MB to the marketplace', 10_000_000, { warmUpRequests: 0, concurrency: 2 }),
} satisfies Record<string, MakeCase>;

function forward(
  { warmProxy, appKey, clients }: CaseContext,
  what: string,
  letters?: number,
  more: Partial<Case> = {},
): Case {
  const calls = { to: warmProxy, appKey, clients };
  const order = () => forwardOrder(calls, '/v1/orders', letters);
  return plainCase(`/forward: ${what}`, warmProxy, order, { passes: [warmProxy], ...more });
}
