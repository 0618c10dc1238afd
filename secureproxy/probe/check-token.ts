import type { FastifyReply, FastifyRequest } from 'fastify';
import { ServiceError } from '../../shared/errors.ts';
import { probeOf } from '../../shared/policy/decide.ts';
import type { ProbeVerdict } from '../../shared/policy/schema.ts';
import { checkAllowed } from '../../shared/policy/verdict.ts';
import { askForCall } from '../call/ask-keyserver.ts';
import type { Call } from '../call/call.ts';
import { inPlace } from '../call/in-place.ts';
import { type CallDependencies, makeCall } from '../call/make-call.ts';
import { ProbeAnswer, replyInto } from './probe-answer.ts';
import { verdictOf, verdictOfError } from './verdict.ts';

export type TokenQuestion = Pick<Call, 'appKey' | 'clientId' | 'tokenType' | 'timeoutMs'>;

export interface Checked {
  readonly verdict: ProbeVerdict;
  readonly status?: number;
  readonly error?: ServiceError;
}

/**
 * Makes the probe of a type like any other call, by the app's grants, and interprets the answer.
 * @throws ServiceError if the call is rejected, or cannot be decided
 */
export async function checkToken(
  dependencies: CallDependencies,
  question: TokenQuestion,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<Checked> {
  const answer = new ProbeAnswer(reply.raw);
  try {
    const queuedMs = () => request.logFields['queue.duration_ms'] ?? 0;
    const before = queuedMs();
    const probe = await findProbe(dependencies, question, request, reply);
    const { method, url, headers = {}, body } = probe;
    const call: Call = {
      ...question,
      ...{ method, url, headers: withAgent(headers), base: undefined },
      body: body === undefined ? null : Buffer.from(body),
    };
    // The wait for the place before is in both, and would shorten the call's time twice.
    const elapsedMs = reply.elapsedTime - (queuedMs() - before);
    await makeCall(dependencies, call, request, replyInto(reply, answer, elapsedMs));
    const { status } = answer;
    if (status === undefined) throw new ServiceError('upstream_unreachable');
    return { verdict: verdictOf(probe, status, answer), status };
  } catch (error) {
    const verdict = verdictOfError(error);
    if (verdict === undefined) throw error;
    return { verdict, error: error as ServiceError };
  } finally {
    answer.destroy();
  }
}

/** The probe of a type, from its release. @throws ServiceError request_invalid if it has none */
async function findProbe(
  dependencies: CallDependencies,
  question: TokenQuestion,
  request: FastifyRequest,
  reply: FastifyReply,
) {
  // Its place counts until its reply ends, which must not be that of the call.
  const asking = new ProbeAnswer(reply.raw);
  const unknown: Call = {
    ...question,
    ...{ method: 'GET', url: '', headers: {}, body: null, base: undefined },
  };
  try {
    const into = replyInto(reply, asking);
    const { release } = await inPlace(dependencies, question, request, into, ({ deadline }) =>
      askForCall(unknown, request, reply, deadline, (query) =>
        dependencies.releases.get({ ...query, target: 'probe' }),
      ),
    );
    return checkAllowed(probeOf(release.policy));
  } finally {
    asking.destroy();
  }
}

function withAgent(headers: Readonly<Record<string, string>>): Record<string, string> {
  const names = Object.keys(headers).map((name) => name.toLowerCase());
  return { ...(!names.includes('user-agent') && { 'user-agent': 'secureproxy' }), ...headers };
}
