import type { Calls } from '../pair/calls.ts';
import { unsearchedType } from '../pair/system.ts';
import { baseCalls, type Case, type CaseContext, type MakeCase, plainCase } from './case.ts';

/** SecureProxy with a cached release. */
export const warmCases = {
  warm: (context) => warm(context, '/request_api, release kept'),
  'warm-1': (context) => warm(context, 'one caller', { concurrency: 1, warmUpRequests: 0 }),
  'warm-64': (context) => warm(context, '64 callers', { concurrency: 64, warmUpRequests: 0 }),
  'warm-256': (context) => warm(context, '256 callers', { concurrency: 256, warmUpRequests: 0 }),
  'warm-unsearched': (context) =>
    warm(context, 'answers not searched for the token', {}, { type: unsearchedType }),
  'warm-100k-up': (context) =>
    warm(context, '100 KB to the marketplace', { warmUpRequests: 2000 }, { letters: 100_000 }),
  'warm-100k-down': (context) =>
    warm(context, '100 KB from the marketplace', { warmUpRequests: 2000 }, down(context, 100_000)),
  'warm-10m-down': (context) =>
    warm(
      context,
      '10 MB from the marketplace',
      { warmUpRequests: 0, concurrency: 2 },
      down(context, 10_000_000),
    ),
  'unsearched-100k-down': (context) =>
    warm(
      context,
      '100 KB from the marketplace, not searched',
      { warmUpRequests: 2000 },
      { ...down(context, 100_000), type: unsearchedType },
    ),
  'unsearched-10m-down': (context) =>
    warm(
      context,
      '10 MB from the marketplace, not searched',
      { warmUpRequests: 0, concurrency: 2 },
      { ...down(context, 10_000_000), type: unsearchedType },
    ),
} satisfies Record<string, MakeCase>;

/** Bodies so large that a round has few calls. */
export const largeCases = {
  'warm-100m-up': async (context) =>
    large(context, '100 MB to the marketplace', { letters: 100_000_000 }),
  'warm-100m-down': async (context) =>
    large(context, '100 MB from the marketplace', down(context, 100_000_000)),
} satisfies Record<string, MakeCase>;

/** For SecureProxy, which takes a request's body in one piece. */
const largestBodyLimit = { BODY_LIMIT_BYTES: String(256 * 1024 ** 2) };

function warm(
  context: CaseContext,
  what: string,
  more: Partial<Case> = {},
  calls: Partial<Calls> = {},
): Case {
  const { warmProxy } = context;
  const order = baseCalls(context, { to: warmProxy, ...calls });
  return plainCase(`warm: ${what}`, warmProxy, order, { passes: [warmProxy], ...more });
}

async function large(context: CaseContext, what: string, calls: Partial<Calls>): Promise<Case> {
  const warmProxy = await context.startProxy(largestBodyLimit);
  return warm({ ...context, warmProxy }, what, { warmUpRequests: 0, concurrency: 1 }, calls);
}

function down({ upstreamUrl }: CaseContext, bytes: number): Partial<Calls> {
  return { urls: [new URL(`/bytes/${bytes}`, upstreamUrl).href] };
}
