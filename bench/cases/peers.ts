import { directOrder } from '../pair/calls.ts';
import { baseCalls, type MakeCase, plainCase } from './case.ts';

/** Alternatives that callers could use. */
export const peerCases = {
  peer: (context) =>
    plainCase(
      '@fastify/reply-from, the same call',
      context.peer,
      baseCalls(context, { to: context.peer }),
    ),
  'peer-get': ({ peer }) =>
    plainCase('@fastify/reply-from, GET', peer, () => directOrder(peer, '/get', 'GET')),
  'peer-stream': ({ peer }) =>
    plainCase('@fastify/reply-from, POST streamed', peer, () => directOrder(peer, '/stream')),
  'peer-stream-100k': ({ peer }) =>
    plainCase('@fastify/reply-from, 100 KB streamed', peer, () =>
      directOrder(peer, '/stream', 'POST', 100_000),
    ),
  'peer-stream-10m': ({ peer }) =>
    plainCase(
      '@fastify/reply-from, 10 MB streamed',
      peer,
      () => directOrder(peer, '/stream', 'POST', 10_000_000),
      { warmUpRequests: 0, concurrency: 2 },
    ),
  'http-proxy': ({ peer }) =>
    plainCase('@fastify/http-proxy, POST', peer, () => directOrder(peer, '/proxy/v1/orders')),
  bare: (context) =>
    plainCase(
      'a bare Fastify POST, no upstream',
      context.peer,
      baseCalls(context, { to: context.peer, at: '/bare' }),
    ),
  nginx: ({ nginx }) =>
    nginx &&
    plainCase('nginx with a static header, POST', nginx, () => directOrder(nginx, '/v1/orders')),
  haproxy: ({ haproxy }) =>
    haproxy &&
    plainCase('HAProxy with a static header, POST', haproxy, () =>
      directOrder(haproxy, '/v1/orders'),
    ),
} satisfies Record<string, MakeCase>;
