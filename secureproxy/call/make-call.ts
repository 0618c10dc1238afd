import type { FastifyReply, FastifyRequest } from 'fastify';
import { nextBatch } from '../../shared/event-loop.ts';
import { toMilliseconds } from '../../shared/log/request-log.ts';
import type { Places } from '../bulkheads/places.ts';
import { askForCall } from './ask-keyserver.ts';
import type { Call } from './call.ts';
import { deadlineOf } from './call-deadline.ts';
import { prepare } from './prepare.ts';
import { type SendDependencies, send } from './send.ts';

export interface CallDependencies extends SendDependencies {
  readonly places: Places;
  /** Timeout of a whole call, milliseconds. */
  readonly totalTimeoutMs: number;
}

/**
 * Makes a call: obtain the release (KeyServer authenticates and decides first) → decide again → take a place →
 * inject → send. The answer streams into `reply`. If the call had to wait until its release was no longer usable,
 * it obtains another and is judged anew, so nothing is sent after a known revocation.
 * @throws ServiceError if it fails before the answer has begun
 */
export async function makeCall(
  dependencies: CallDependencies,
  call: Call,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<void> {
  await nextBatch();
  const { releases, places, totalTimeoutMs } = dependencies;
  const { logFields: log } = request;
  log['upstream.request.method'] = call.method;
  const deadline = deadlineOf(call, request, reply, totalTimeoutMs);
  try {
    let hasPlace = false;
    let isOver = false;
    while (!isOver) {
      const obtained = await askForCall(call, request, reply, deadline, (query) =>
        releases.get(query),
      );
      log.app = obtained.release.app;
      log.release = obtained.source;
      const prepared = prepare(obtained.release, call);
      log.grant = prepared.grantId;
      if (!hasPlace) {
        const { url, wildcard } = prepared;
        const claim = { app: log.app, client: call.clientId, origin: url.origin, wildcard };
        const wait = places.take(claim, reply.raw, deadline);
        hasPlace = true;
        if (wait !== undefined) {
          log['queue.duration_ms'] = toMilliseconds((log['queue.duration_ms'] ?? 0) + (await wait));
          if (!releases.mayStart(call, obtained)) continue;
        }
      }
      isOver = await send(dependencies, call, obtained, prepared, { request, reply, deadline });
    }
  } finally {
    deadline.end();
  }
}
