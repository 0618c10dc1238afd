import type { FastifyInstance, FastifyReply } from 'fastify';
import { ServiceError } from '../errors.ts';

const listed = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'] as const;

/**
 * Watches which routes an app gets from now on; what it returns says which methods a path takes, for
 * `Allow` (RFC 9110 §10.2.1). Fastify itself finds routes by their pattern only, not by a path.
 */
export function watchRoutes(app: Pick<FastifyInstance, 'addHook'>): (path: string) => string[] {
  const routes: { methods: readonly string[]; pattern: readonly string[] }[] = [];
  app.addHook('onRoute', ({ method, url }) => {
    routes.push({ methods: [method].flat(), pattern: url.split('/') });
  });
  return (path) => {
    const segments = path.split('/');
    const taken = routes.filter(({ pattern }) => matches(pattern, segments));
    return listed.filter((method) => taken.some(({ methods }) => methods.includes(method)));
  };
}

/** `:name` stands for one segment that is not empty, `*` at the end for all that follows. */
function matches(pattern: readonly string[], segments: readonly string[]): boolean {
  if (pattern.at(-1) !== '*' && pattern.length !== segments.length) return false;
  return pattern.every((part, i) => {
    const segment = segments[i];
    if (part === '*') return segment !== undefined;
    return part.startsWith(':') ? Boolean(segment) : part === segment;
  });
}

/** The error for a path: unknown, or known with these other methods, which `Allow` then names. */
export function notFound(allowed: readonly string[], reply: FastifyReply): ServiceError {
  if (allowed.length === 0) return new ServiceError('route_not_found');
  reply.header('allow', allowed.join(', '));
  return new ServiceError('method_not_allowed', {
    detail: `This route takes ${allowed.join(', ')}.`,
  });
}
