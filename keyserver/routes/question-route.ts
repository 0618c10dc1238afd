import { problemResponses } from '../../shared/http/problem.ts';
import type { Service } from '../../shared/http/service-type.ts';
import type { LogFields } from '../../shared/log/request-log.ts';
import {
  type QuestionRequest,
  QuestionRequestSchema,
  ReleaseAnswerSchema,
} from '../../shared/protocol/messages.ts';
import { peerNames } from '../../shared/tls/client-names.ts';

/** Enough for a question, and little to parse before its sender is known. */
export const questionLimitBytes = 8 * 1024;

export interface QuestionRoute<D> {
  readonly path: string;
  readonly operationId: string;
  readonly summary: string;
  /** Resolves to base64. @throws ServiceError */
  readonly answer: (
    dependencies: D,
    request: QuestionRequest,
    log: LogFields,
    address: string,
    certificateNames: readonly string[],
  ) => Promise<string>;
}

/** `POST` of a proxy's sealed question that releases no token (docs/protocol.md §5). */
export function questionRoute<D>(
  app: Service,
  dependencies: D,
  { path, operationId, summary, answer }: QuestionRoute<D>,
): void {
  app.post(
    path,
    {
      bodyLimit: questionLimitBytes,
      config: { requestLine: 'debug' },
      schema: {
        operationId,
        summary,
        body: QuestionRequestSchema,
        response: {
          200: ReleaseAnswerSchema,
          ...problemResponses(
            'request_invalid',
            'request_stale',
            'session_invalid',
            'caller_unauthenticated',
            'body_too_large',
            'media_type_unsupported',
            'internal',
            'keyserver_unavailable',
            'overloaded',
          ),
        },
      },
    },
    async ({ body, logFields, ip, socket }, reply) => {
      reply.header('cache-control', 'no-store');
      return { token: await answer(dependencies, body, logFields, ip, peerNames(socket)) };
    },
  );
}
