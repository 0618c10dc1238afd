import { problemResponses } from '../../shared/http/problem.ts';
import type { Service } from '../../shared/http/service-type.ts';
import { ReleaseAnswerSchema, ReleaseRequestSchema } from '../../shared/protocol/messages.ts';
import { peerNames } from '../../shared/tls/client-names.ts';
import { type ReleaseDependencies, release } from '../release/release.ts';
import { sealedErrors } from './question-route.ts';

/** `POST /`: releases a token, sealed for one session (docs/protocol.md §4). */
export function releaseRoute(app: Service, dependencies: ReleaseDependencies): void {
  app.post(
    '/',
    {
      schema: {
        operationId: 'releaseToken',
        summary: 'Release a token, sealed with the session key',
        body: ReleaseRequestSchema,
        response: {
          200: ReleaseAnswerSchema,
          ...problemResponses(
            ...sealedErrors,
            'grant_denied',
            'destination_denied',
            'token_not_found',
            'type_not_found',
            'token_expired',
            'integrity_failed',
          ),
        },
      },
    },
    async ({ body, logFields, ip, socket }) => {
      const sender = { log: logFields, address: ip, certificateNames: peerNames(socket) };
      return { token: await release(dependencies, body, sender) };
    },
  );
}
