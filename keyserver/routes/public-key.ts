import { problemResponses, schemaOfRead } from '../../shared/http/problem.ts';
import type { Service } from '../../shared/http/service-type.ts';
import { PublicKeyAnswerSchema } from '../../shared/protocol/messages.ts';
import { Type } from '../../shared/schema/type.ts';
import type { RsaKeys } from '../keys/rsa-keys.ts';
import { questionLimitBytes } from './question-route.ts';

const summary = 'The public key for wrapping session keys';

/** `POST` and `GET /public_key`: the primary key (docs/protocol.md §3). */
export function publicKeyRoutes(app: Service, rsaKeys: RsaKeys): void {
  // The primary key may change.
  const current = () => {
    const { publicKeyPem, keyId } = rsaKeys.primary;
    const etag = `"${keyId}"`;
    return {
      answer: { public_key: publicKeyPem, keyId, algorithm: 'RSA-OAEP-256' } as const,
      etag,
      headers: { etag, 'cache-control': 'public, max-age=60' },
    };
  };
  app.get(
    '/public_key',
    {
      schema: schemaOfRead('getPublicKey', summary, {
        200: PublicKeyAnswerSchema,
        304: Type.Null({ description: 'Unchanged' }),
      }),
    },
    async (request, reply) => {
      const { answer, etag, headers } = current();
      reply.headers(headers);
      if (hasTag(request.headers['if-none-match'], etag)) return reply.code(304).send(null);
      return answer;
    },
  );
  app.post(
    '/public_key',
    {
      bodyLimit: questionLimitBytes,
      schema: {
        operationId: 'postPublicKey',
        summary,
        response: {
          200: PublicKeyAnswerSchema,
          ...problemResponses('request_invalid', 'body_too_large', 'media_type_unsupported'),
        },
      },
    },
    async (_request, reply) => {
      const { answer, headers } = current();
      reply.headers(headers);
      return answer;
    },
  );
}

/** True if `If-None-Match` has the tag (RFC 9110 §13.1.2: weak comparison, lists, `*`). */
function hasTag(header: string | undefined, etag: string): boolean {
  const tags = header?.split(',').map((tag) => tag.trim().replace(/^W\//, '')) ?? [];
  return tags.includes('*') || tags.includes(etag);
}
