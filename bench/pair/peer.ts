/**
 * The process of the Fastify peers: alternatives that callers could use, each at its own path. None logs,
 * authenticates or decides, which is in their favour.
 */
import httpProxy from '@fastify/http-proxy';
import replyFrom from '@fastify/reply-from';
import fastify from 'fastify';

const { PORT, UPSTREAM_CONNECTIONS, UPSTREAM, TOKEN } = process.env;

interface Call {
  readonly ApiUri: string;
  readonly Body?: unknown;
}

const callSchema = {
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
const answerSchema = {
  type: 'object',
  properties: { ClientId: { type: 'string' }, TokenType: { type: 'string' } },
};
const upstream = String(UPSTREAM);
const undici = { connections: Number(UPSTREAM_CONNECTIONS), pipelining: 1 };
const withToken = <T extends object>(headers: T) => ({
  ...headers,
  authorization: `Bearer ${TOKEN}`,
});
const injected = {
  rewriteRequestHeaders: (_request: unknown, headers: object) => withToken(headers),
};

const app = fastify({ logger: false, bodyLimit: 256 * 1024 * 1024 });
await app.register(replyFrom, { undici, disableRequestLogging: true });
app.get('/readyz', async () => ({ status: 'ready' }));
app.post<{ Body: Call }>('/request_api', { schema: { body: callSchema } }, (request, reply) => {
  reply.from(request.body.ApiUri, { body: request.body.Body, ...injected });
});
app.get('/get', (_request, reply) => reply.from(upstream, injected));
app.post<{ Body: Call }>(
  '/bare',
  { schema: { body: callSchema, response: { 200: answerSchema } } },
  async ({ body }) => body,
);
await app.register(async (scope) => {
  // Bodies are streamed, not parsed.
  scope.removeAllContentTypeParsers();
  scope.addContentTypeParser('*', (_request, payload, done) => done(null, payload));
  scope.post('/stream', (_request, reply) => reply.from(upstream, injected));
});
await app.register(httpProxy, {
  upstream: new URL(upstream).origin,
  prefix: '/proxy',
  rewritePrefix: '/',
  undici,
  disableRequestLogging: true,
  replyOptions: injected,
});
process.once('SIGTERM', () => app.close());
await app.listen({ host: '127.0.0.1', port: Number(PORT) });
