import { readFile } from 'node:fs/promises';
import { errorCodes } from '../errors.ts';
import { Type } from '../schema/type.ts';
import { schemaOfRead } from './problem.ts';
import type { Service } from './service-type.ts';

const folder = new URL('../../docs/errors/', import.meta.url);

/** Serves docs/errors/<code>.md at the paths in problems' `type`. */
export function errorPageRoutes(app: Service): void {
  app.get(
    '/errors/:code',
    {
      schema: {
        ...schemaOfRead('getErrorPage', 'The page that explains an error code', {
          200: { description: 'Markdown', content: { 'text/markdown': { schema: Type.String() } } },
        }),
        params: Type.Object({ code: Type.Enum(errorCodes) }),
      },
    },
    async (request, reply) => {
      reply.type('text/markdown; charset=utf-8');
      return readFile(new URL(`${request.params.code}.md`, folder), 'utf8');
    },
  );
}
