import swaggerUi from '@fastify/swagger-ui';
import { completeDocument, type OpenApiDocument } from '../shared/http/openapi.ts';
import type { Service } from '../shared/http/service-type.ts';

/** The page is handed app keys: it runs its own files and talks to this service, and to nothing else. */
const contentSecurityPolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  // Icons within the style sheet are data: URLs.
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

/** `GET /docs`: Swagger UI over this service's own OpenAPI document, all of it served from here. */
export async function docsPage(app: Service): Promise<void> {
  await app.register(async (scope) => {
    scope.addHook('onSend', async (_request, reply) => {
      reply.headers({
        'content-security-policy': contentSecurityPolicy,
        'x-content-type-options': 'nosniff',
        'referrer-policy': 'no-referrer',
      });
    });
    await scope.register(swaggerUi, {
      routePrefix: '/docs',
      theme: { title: 'SecureProxy' },
      // Without the bar at the top, which would load any other document.
      uiConfig: { layout: 'BaseLayout', displayRequestDuration: true },
      transformSpecificationClone: false,
      transformSpecification: (document) =>
        completeDocument(document as unknown as OpenApiDocument) as unknown as Record<
          string,
          string
        >,
    });
  });
}
