import swaggerUi from '@fastify/swagger-ui';
import type { FastifyError } from 'fastify';
import { ServiceError } from '../../shared/errors.ts';
import { completeDocument, type OpenApiDocument } from '../../shared/http/openapi.ts';
import type { Service } from '../../shared/http/service-type.ts';

/** Users enter app keys on this page, so it may load from and call this service only. */
const contentSecurityPolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  // The style sheet's icons are data: URLs.
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

/** `GET /docs`: Swagger UI for this service's OpenAPI document, without files from elsewhere. */
export async function docsPage(app: Service): Promise<void> {
  let text: string | undefined;
  await app.register(async (scope) => {
    scope.addHook('onSend', async (_request, reply) => {
      reply.headers({
        'content-security-policy': contentSecurityPolicy,
        'x-content-type-options': 'nosniff',
        'referrer-policy': 'no-referrer',
      });
    });
    // Names that no file can have, such as one with a NUL, are refused as forbidden.
    scope.setErrorHandler((error: FastifyError) => {
      throw error.statusCode === 403 ? new ServiceError('route_not_found') : error;
    });
    await scope.register(swaggerUi, {
      routePrefix: '/docs',
      theme: { title: 'SecureProxy' },
      // BaseLayout lacks the top bar, which could load any other document.
      uiConfig: { layout: 'BaseLayout', displayRequestDuration: true },
      transformSpecificationClone: false,
      transformSpecification: (document, { routeOptions }, reply) => {
        // The plugin would write it for each stranger who asks; as YAML that takes the CPU of 50 calls.
        if (routeOptions.url === '/docs/yaml') throw new ServiceError('route_not_found');
        text ??= JSON.stringify(completeDocument(document as unknown as OpenApiDocument));
        reply.type('application/json; charset=utf-8');
        return text as unknown as Record<string, string>;
      },
    });
  });
}
