import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Limits } from '../limits/limits.ts';
import type { Pass } from '../limits/pass.ts';
import { answerTokenRequest } from '../token-endpoint/answer-token-request.ts';
import { askForCall, logNames, queryOf } from './ask-keyserver.ts';
import type { Call } from './call.ts';
import { openPlace, type PlaceDependencies, takePlace } from './in-place.ts';
import { prepare } from './prepare.ts';
import { problemBodyOf } from './problem-body.ts';
import { Retries, type RetryBudget } from './retries.ts';
import { send } from './send.ts';
import type { SendDependencies } from './sent-call.ts';
import { enterLimits } from './within-limits.ts';

export interface CallDependencies extends SendDependencies, PlaceDependencies {
  readonly limits: Limits;
  readonly retryBudget: RetryBudget;
}

/**
 * Makes a call: obtain the release (KeyServer authenticates and decides first) → decide again → wait for the type's
 * limits → take a place for client and origin → inject → send. The answer streams into `reply`. If the call had to wait
 * until its release was no longer usable, it obtains another and is judged anew, so nothing is sent after a known
 * revocation. A request that is sent again takes the same way.
 * @throws ServiceError if it fails before the answer has begun
 */
export async function makeCall(
  dependencies: CallDependencies,
  call: Call,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<void> {
  const { releases, places, limits } = dependencies;
  const { logFields: log } = request;
  log['upstream.request.method'] = call.method;
  const retries = new Retries(call, dependencies.retryBudget);
  const opened = openPlace(dependencies, call, request, reply);
  const place = opened instanceof Promise ? await opened : opened;
  const { deadline } = place;
  let pass: Pass | undefined;
  let isOver = false;
  try {
    while (!isOver) {
      logNames(call, request);
      // Nothing is awaited for a cached release.
      const obtained =
        releases.cached(call) ??
        (await askForCall(call, request, reply, deadline, (query) => releases.get(query)));
      log.app = obtained.release.app;
      log.release = obtained.source;
      const prepared = prepare(obtained.release, call);
      releases.refreshIfDue(obtained, () => queryOf(call, request));
      log.grant = prepared.grantId;
      if (prepared.isTokenEndpoint) {
        await answerTokenRequest(
          { ...call, body: prepared.body },
          request,
          reply,
          deadline,
          prepared.url,
        );
        return;
      }
      request.problemBody = problemBodyOf(call, obtained.release.policy);
      retries.allowed(obtained.release.policy, log.app);
      if (pass === undefined) {
        const { policy } = obtained.release;
        const entered = enterLimits(limits, policy, call, prepared, reply, deadline, log);
        if (entered !== undefined) {
          pass = await entered;
          if (!releases.mayStart(call, obtained)) continue;
        }
      }
      if (place.held?.target === undefined) {
        const { url, wildcard } = prepared;
        const target = { client: call.clientId, origin: url.origin, wildcard };
        const wait = takePlace(places, place, { app: log.app, target }, log);
        if (wait !== undefined) {
          await wait;
          if (!releases.mayStart(call, obtained)) continue;
        }
      }
      const context = { request, reply, deadline, pass, retries };
      const before = retries.count;
      try {
        isOver = await send(dependencies, call, obtained, prepared, context);
      } catch (error) {
        if (!retries.afterFailure(obtained.release.policy, error, deadline)) throw error;
      }
      if (retries.count === before) continue;
      log['upstream.retries'] = (log['upstream.retries'] ?? 0) + 1;
      pass?.end();
      pass = undefined;
      await retries.pause(reply.raw);
    }
  } finally {
    deadline.end();
    pass?.end();
  }
}
