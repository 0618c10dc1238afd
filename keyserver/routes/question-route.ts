import { problemResponses } from '../../shared/http/problem.ts';
import type { Service } from '../../shared/http/service-type.ts';
import { QuestionRequestSchema, ReleaseAnswerSchema } from '../../shared/protocol/messages.ts';
import { peerNames } from '../../shared/tls/client-names.ts';
import { answerQuestion, type Question, type QuestionDependencies } from '../exchange/question.ts';

/** Enough for a question, and little to parse before its sender is known. */
export const questionLimitBytes = 8 * 1024;

/** Codes of errors that any sealed request can end with. */
export const sealedErrors = [
  'request_invalid',
  'request_stale',
  'session_invalid',
  'caller_unauthenticated',
  'body_too_large',
  'media_type_unsupported',
  'internal',
  'keyserver_unavailable',
  'overloaded',
] as const;

/** `POST` of a proxy's sealed question that releases no token (docs/protocol.md §5). */
export function questionRoute<C>(
  app: Service,
  dependencies: QuestionDependencies,
  question: Question<C>,
): void {
  const { path, operationId, summary } = question;
  app.post(
    path,
    {
      bodyLimit: questionLimitBytes,
      config: { requestLine: 'debug' },
      schema: {
        operationId,
        summary,
        body: QuestionRequestSchema,
        response: { 200: ReleaseAnswerSchema, ...problemResponses(...sealedErrors) },
      },
    },
    async ({ body, logFields, ip, socket }) => {
      const certificateNames = peerNames(socket);
      const sender = { log: logFields, address: ip, certificateNames };
      return { token: await answerQuestion(dependencies, question, body, sender) };
    },
  );
}
