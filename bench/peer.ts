/**
 * The peer, a process: Fastify with @fastify/reply-from, doing what `/request_api` does for its
 * caller. JSON in, checked by a schema; a POST with an injected header out; the answer streamed back.
 * It writes no log, authenticates and decides nothing: all of that is in its favour.
 */
import replyFrom from '@fastify/reply-from';
import fastify from 'fastify';

const { PORT, UPSTREAM_CONNECTIONS, TOKEN } = process.env;

interface Call {
  readonly ApiUri: string;
  readonly Body?: unknown;
}

const body = {
  type: 'object',
  required: ['ClientId', 'TokenType', 'ApiUri'],
  additionalProperties: false,
  properties: {
    ClientId: { type: 'string', minLength: 1, maxLength: 255 },
    TokenType: { type: 'string', minLength: 1, maxLength: 255 },
    ApiUri: { type: 'string', minLength: 1, maxLength: 65_536 },
    Body: {},
  },
};

const app = fastify({ logger: false });
await app.register(replyFrom, {
  undici: { connections: Number(UPSTREAM_CONNECTIONS), pipelining: 1 },
  disableRequestLogging: true,
});
app.get('/readyz', async () => ({ status: 'ready' }));
app.post<{ Body: Call }>('/request_api', { schema: { body } }, (request, reply) => {
  reply.from(request.body.ApiUri, {
    body: request.body.Body,
    rewriteRequestHeaders: (_request, headers) => ({
      ...headers,
      authorization: `Bearer ${TOKEN}`,
    }),
  });
});
process.once('SIGTERM', () => app.close());
await app.listen({ host: '127.0.0.1', port: Number(PORT) });
