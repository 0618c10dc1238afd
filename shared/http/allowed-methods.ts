import type { FastifyInstance, FastifyReply } from 'fastify';
import { ServiceError } from '../errors.ts';

const listed = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'] as const;

/**
 * Records the routes that are added to `app` from now on. Returns a function from a path to its methods,
 * for `Allow` (RFC 9110 §10.2.1): Fastify can look up routes by pattern only, not by path.
 */
export function watchRoutes(app: Pick<FastifyInstance, 'addHook'>): (path: string) => string[] {
  const routes: { methods: readonly string[]; pattern: readonly string[] }[] = [];
  app.addHook('onRoute', ({ method, url }) => {
    routes.push({ methods: [method].flat(), pattern: url.split('/') });
  });
  return (path) => {
    const segments = path.split('/');
    const matching = routes.filter(({ pattern }) => matches(pattern, segments));
    return listed.filter((method) => matching.some(({ methods }) => methods.includes(method)));
  };
}

/** `:name` matches one non-empty segment, `*` at the end everything after it. */
function matches(pattern: readonly string[], segments: readonly string[]): boolean {
  if (pattern.at(-1) !== '*' && pattern.length !== segments.length) return false;
  return pattern.every((part, i) => {
    const segment = segments[i];
    if (part === '*') return segment !== undefined;
    return part.startsWith(':') ? Boolean(segment) : part === segment;
  });
}

/**
 * The error for a path: `route_not_found`, or `method_not_allowed` if the path has methods, which `Allow` lists.
 * @param routes the detail of `route_not_found`; undefined: it has none
 */
export function notFound(
  allowed: readonly string[],
  reply: FastifyReply,
  routes: string | undefined,
): ServiceError {
  if (allowed.length === 0)
    return new ServiceError('route_not_found', routes === undefined ? {} : { detail: routes });
  reply.header('allow', allowed.join(', '));
  return new ServiceError('method_not_allowed', {
    detail: `The route supports ${allowed.join(', ')}.`,
  });
}
