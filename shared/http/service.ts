import type { ServerOptions } from 'node:https';
import fastifyEnv from '@fastify/env';
import swagger from '@fastify/swagger';
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import fastify, { type FastifyBaseLogger, type FastifyRequest, LogController } from 'fastify';
import type { Logger } from 'pino';
import type { TObject } from 'typebox';
import { ServiceError } from '../errors.ts';
import { logIds, logOnce, logRequest, newLogFields } from '../log/request-log.ts';
import { RequestLogger } from '../log/request-logger.ts';
import { notFound, watchRoutes } from './allowed-methods.ts';
import { BrokenHttp } from './broken-http.ts';
import { endConnectionsOnClose } from './connections.ts';
import { ProblemSchema } from './problem.ts';
import { sendProblem } from './problem-replies.ts';
import { requestIdOf } from './request-id.ts';
import type { Service } from './service-type.ts';

export interface ServiceOptions {
  readonly name: 'keyserver' | 'secureproxy';
  readonly title: string;
  readonly description: string;
  readonly logger: Logger;
  readonly settingsSchema: TObject;
  readonly config: Record<string, unknown>;
  readonly bodyLimitBytes: number;
  /** Makes its listener one of TLS. */
  readonly https?: ServerOptions | undefined;
  /** Puts `Proxy-Status` (RFC 9209) on the service's own error answers. */
  readonly proxyStatus: boolean;
  /** How callers authenticate, by the names that routes' `security` uses. */
  readonly securitySchemes?: Record<string, BearerScheme>;
}

/** OpenAPI's description of `Authorization: Bearer`. */
export interface BearerScheme {
  readonly type: 'http';
  readonly scheme: 'bearer';
  readonly description: string;
}

/** How long a caller may take to send its whole request. */
const requestTimeoutMs = 60_000;

/** What Node would answer by itself, without a problem and unseen by the log. */
const ownChecks = { requireHostHeader: false };

/**
 * What both services have in common: strict parsing (Fastify would coerce types and drop unknown
 * members), problem+json for every error, one log line a request, request ids, error pages, OpenAPI.
 */
export async function createService(options: ServiceOptions): Promise<Service> {
  const { name, logger, proxyStatus } = options;
  const proxyName = proxyStatus ? name : undefined;
  const brokenHttp = new BrokenHttp(proxyName, logger);
  const app = fastify({
    ...(options.https ? { https: { ...options.https, ...ownChecks } } : { http: ownChecks }),
    loggerInstance: logger as FastifyBaseLogger,
    logController: new LogController({
      disableRequestLogging: true,
      requestIdLogLabel: 'request_id',
    }),
    bodyLimit: options.bodyLimitBytes,
    // A request on a connection that was accepted is answered like any other, to the last.
    return503OnClosing: false,
    requestTimeout: requestTimeoutMs,
    genReqId: requestIdOf,
    childLoggerFactory: (parent, { request_id }, _options, request) =>
      new RequestLogger(parent, () => logIds(String(request_id), request)),
    ajv: { customOptions: { coerceTypes: false, removeAdditional: false, useDefaults: false } },
    frameworkErrors: (error, request, reply) => {
      // A URL that does not parse: no hook has run, and none will.
      request.logFields = newLogFields();
      reply.header('x-request-id', request.id);
      sendProblem(proxyName, error, request, reply);
      logRequest(request, reply);
    },
    clientErrorHandler: (error, socket) => brokenHttp.refuse(error, socket),
  }).withTypeProvider<TypeBoxTypeProvider>() as unknown as Service;
  app.removeContentTypeParser('text/plain');
  app.decorateRequest('logFields');
  app.addHook('onRequest', (request, reply, done) => {
    request.logFields = newLogFields();
    reply.header('x-request-id', request.id);
    brokenHttp.watch(request, reply);
    logOnce(request, reply);
    done(hostMissing(request));
  });
  // As ownChecks: an expectation that is not known may be passed over (RFC 9110 §10.1.1).
  app.server.on('checkExpectation', (request, response) =>
    app.server.emit('request', request, response),
  );
  endConnectionsOnClose(app);
  app.setErrorHandler((error, request, reply) => sendProblem(proxyName, error, request, reply));
  const methodsOf = watchRoutes(app);
  app.setNotFoundHandler((request, reply) => {
    const [path = ''] = request.url.split('?', 1);
    const methods = methodsOf(path);
    // A route that takes the method has called this itself: what it was asked for is not there.
    const allowed = methods.includes(request.method) ? [] : methods;
    sendProblem(proxyName, notFound(allowed, reply), request, reply);
  });
  app.addSchema(ProblemSchema);
  await app.register(fastifyEnv, {
    schema: structuredClone(options.settingsSchema),
    data: options.config,
    env: false,
  });
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: options.title,
        description: options.description,
        version: '1',
        license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
      },
      servers: [{ url: '/', description: 'The service itself' }],
      // Routes that take callers' keys say so themselves.
      security: [],
      ...(options.securitySchemes
        ? { components: { securitySchemes: options.securitySchemes } }
        : {}),
    },
    refResolver: {
      buildLocalReference: (json, _base, _fragment, i) => String(json.$id ?? `Schema${i}`),
    },
  });
  return app;
}

/** RFC 9112 §3.2. */
function hostMissing({ raw, headers }: FastifyRequest): ServiceError | undefined {
  if (headers.host !== undefined || raw.httpVersion !== '1.1') return undefined;
  return new ServiceError('request_invalid', {
    reason: 'http',
    detail: 'An HTTP/1.1 request has the header Host.',
  });
}
