import type { IncomingMessage } from 'node:http';
import type { ServerOptions } from 'node:https';
import swagger from '@fastify/swagger';
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import fastJsonStringify from 'fast-json-stringify';
import fastify, {
  type FastifyBaseLogger,
  type FastifyReply,
  type FastifyRequest,
  LogController,
} from 'fastify';
import type { Logger } from 'pino';
import { ServiceError } from '../errors.ts';
import {
  type CountRequest,
  logIds,
  logOnce,
  logRequest,
  newLogFields,
} from '../log/request-log.ts';
import { RequestLogger } from '../log/request-logger.ts';
import { memoize } from '../memoize.ts';
import { checkOf } from '../schema/compile.ts';
import { notFound, watchRoutes } from './allowed-methods.ts';
import { BrokenHttp } from './broken-http.ts';
import { endConnectionsOnClose } from './connections.ts';
import { pipelineInTurn } from './pipelining.ts';
import { ProblemSchema, problemMediaType } from './problem.ts';
import { sendProblem } from './problem-replies.ts';
import { requestIdOf } from './request-id.ts';
import type { Service } from './service-type.ts';

export interface ServiceOptions {
  readonly name: 'keyserver' | 'secureproxy';
  readonly title: string;
  readonly description: string;
  readonly logger: Logger;
  readonly bodyLimitBytes: number;
  readonly countRequest?: CountRequest;
  /** Addresses and networks of proxies in front, whose `X-Forwarded-For` names the caller. */
  readonly trustedProxies?: readonly string[];
  /** Requests without a body are streams that have ended: parsers of bodies get no event of them. */
  readonly endsEmptyRequests?: boolean;
  readonly https?: ServerOptions | undefined;
  /** Adds a proxy's headers to the service's own error answers (problem-replies.ts). */
  readonly proxyStatus: boolean;
  /** The detail of `route_not_found`. */
  readonly routesDetail?: string;
  /** The path and query by which a request is routed, if not its own. */
  readonly routedUrl?: (request: IncomingMessage) => string;
  /** Authentication schemes by the names that routes use in `security`. */
  readonly securitySchemes?: Record<string, BearerScheme>;
}

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The route takes bodies as they are. */
    takesAnyBody?: true;
  }
  interface FastifyRequest {
    /** The body is passed on at its sender's pace, and its route bounds the time. */
    isBodyStreamed: boolean;
  }
}

interface BearerScheme {
  readonly type: 'http';
  readonly scheme: 'bearer';
  readonly description: string;
}

/** Time within which a caller must send its complete request. */
const requestTimeoutMs = 60_000;

const writerOf = memoize((schema: object) => fastJsonStringify(schema));

/**
 * Creates the app that both services build on: strict parsing (Fastify would coerce types and drop unknown
 * members), problem+json for every error, a log entry per request, request ids and OpenAPI.
 */
export async function createService(options: ServiceOptions): Promise<Service> {
  const {
    name,
    logger,
    proxyStatus,
    trustedProxies = [],
    countRequest = () => undefined,
  } = options;
  const proxyName = proxyStatus ? name : undefined;
  const brokenHttp = new BrokenHttp(proxyName, logger, countRequest);
  const http = {
    // Node would answer itself, without problem+json or a log entry.
    requireHostHeader: false,
    optimizeEmptyRequests: options.endsEmptyRequests === true,
  };
  const app = fastify({
    ...(options.https ? { https: { ...options.https, ...http } } : { http }),
    loggerInstance: logger as FastifyBaseLogger,
    logController: new LogController({
      disableRequestLogging: true,
      requestIdLogLabel: 'request_id',
    }),
    bodyLimit: options.bodyLimitBytes,
    ...(options.routedUrl && { rewriteUrl: options.routedUrl }),
    trustProxy: trustedProxies.length > 0 ? [...trustedProxies] : false,
    // Requests on accepted connections are served until the end.
    return503OnClosing: false,
    requestTimeout: requestTimeoutMs,
    genReqId: requestIdOf,
    childLoggerFactory: (parent, { request_id }, _options, request) =>
      new RequestLogger(parent, () => logIds(String(request_id), request)),
    frameworkErrors: (error, request, reply) => {
      // The URL cannot be parsed: no hook runs for this request.
      request.logFields = newLogFields();
      reply.header('x-request-id', request.id);
      sendProblem(proxyName, error, request, reply);
      logRequest(request, reply, countRequest);
    },
    clientErrorHandler: (error, socket) => brokenHttp.reject(error, socket),
  }).withTypeProvider<TypeBoxTypeProvider>() as unknown as Service;
  app.removeContentTypeParser('text/plain');
  app.setValidatorCompiler(({ schema }) => checkOf(schema));
  // Problems, which most answers of the schemas are, are written without (problem-replies.ts).
  app.setSerializerCompiler(({ schema, contentType }) =>
    contentType === problemMediaType ? JSON.stringify : writerOf(schema),
  );
  app.decorateRequest('logFields');
  app.decorateRequest('problemBody', null);
  app.decorateRequest('isBodyStreamed', false);
  const methodsOf = watchRoutes(app);
  const missing = (request: FastifyRequest, reply: FastifyReply) => {
    const [path = ''] = request.url.split('?', 1);
    const methods = methodsOf(path);
    // If the route has the method, its handler called this because the requested thing does not exist.
    return notFound(methods.includes(request.method) ? [] : methods, reply, options.routesDetail);
  };
  app.addHook('onRequest', (request, reply, done) => {
    request.logFields = newLogFields();
    brokenHttp.watch(request, reply);
    logOnce(request, reply, countRequest);
    done(hostFault(request) ?? bodyCoded(request));
  });
  app.addHook('onSend', (request, reply, _payload, done) => {
    reply.header('x-request-id', request.id);
    // A cache in front knows no keys, and may keep whatever is not forbidden.
    if (!reply.hasHeader('cache-control')) reply.header('cache-control', 'no-store');
    done();
  });
  // Answers 404 before the body is read: nobody would ask its sender for a key.
  app.addHook('preParsing', (request, reply, _payload, done) => {
    done(request.is404 ? missing(request, reply) : null);
  });
  // Node would say 100 before the request is decided.
  app.server.on('checkContinue', (request, response) => {
    request.once('resume', () => {
      if (!response.headersSent) response.writeContinue();
    });
    app.server.emit('request', request, response);
  });
  // Node would answer 417 by itself; an unknown expectation may be ignored (RFC 9110 §10.1.1).
  app.server.on('checkExpectation', (request, response) =>
    app.server.emit('request', request, response),
  );
  app.server.on('connect', (_request, socket) => brokenHttp.rejectConnect(socket));
  pipelineInTurn(app.server);
  endConnectionsOnClose(app);
  app.setErrorHandler((error, request, reply) => sendProblem(proxyName, error, request, reply));
  app.setNotFoundHandler((request, reply) =>
    sendProblem(proxyName, missing(request, reply), request, reply),
  );
  app.addSchema(ProblemSchema);
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: options.title,
        description: options.description,
        version: '1',
        license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
      },
      servers: [{ url: '/', description: 'This service' }],
      // Routes that need authentication set their own.
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

/** RFC 9112 §3.2. Of several, a server in front may have read another one than this service judges. */
function hostFault({ raw }: FastifyRequest): ServiceError | undefined {
  const { rawHeaders, httpVersion } = raw;
  let hosts = 0;
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at] as string;
    if (name.length === 'host'.length && name.toLowerCase() === 'host') hosts += 1;
  }
  if (hosts === 1 || (hosts === 0 && httpVersion !== '1.1')) return undefined;
  return new ServiceError('request_invalid', {
    reason: 'http',
    detail: 'An HTTP/1.1 request must have the header Host, once.',
  });
}

/** RFC 9110 §15.5.16: bodies are read as they are. */
function bodyCoded(request: FastifyRequest): ServiceError | undefined {
  const coding = request.headers['content-encoding'];
  if (coding === undefined || /^(?:identity)?$/i.test(coding)) return undefined;
  if (request.routeOptions.config.takesAnyBody) return undefined;
  return new ServiceError('media_type_unsupported', {
    reason: 'content_coding',
    detail: 'The body has a Content-Encoding: send it without one.',
  });
}
