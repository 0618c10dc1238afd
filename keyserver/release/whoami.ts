import { sealText, whoamiRequestAad, whoamiResponseAad } from '../../shared/crypto/exchange.ts';
import type { LogFields } from '../../shared/log/request-log.ts';
import { maxCacheSeconds, type QuestionRequest } from '../../shared/protocol/messages.ts';
import { type Whoami, WhoamiCredentialSchema } from '../../shared/protocol/whoami-messages.ts';
import { Compile } from '../../shared/schema/compile.ts';
import { openQuestion, type QuestionDependencies, spendNonce } from '../exchange/question.ts';
import { authenticate, cappedByKeys, recognize } from './callers.ts';

const form = {
  aad: whoamiRequestAad,
  validator: Compile(WhoamiCredentialSchema),
  members: '{proxy, app}',
};

/**
 * Tells a proxy which app a key belongs to, from memory: session → authentication → replay check → sealed
 * answer (docs/protocol.md §5). Resolves to base64.
 * @throws ServiceError
 */
export async function whoami(
  dependencies: QuestionDependencies,
  request: QuestionRequest,
  log: LogFields,
  address: string,
  certificateNames: readonly string[],
): Promise<string> {
  const { registry, clock } = dependencies;
  const { session, credential } = await openQuestion(dependencies, request, address, form);
  const { requester, seq, ageMs } = await recognize(registry, log, () => ({
    requester: authenticate(registry, clock, credential, log, certificateNames),
    // Read along with the app: while the nonce is checked, documents may be loaded that it lacks.
    seq: registry.seq,
    ageMs: registry.ageMs,
  }));
  const { proxyId, appId, app } = requester;
  await spendNonce(dependencies, session, JSON.stringify([proxyId, appId]), request);
  const answer: Whoami = {
    app: appId,
    ...(app.bound && { bound: app.bound }),
    cacheSeconds: cappedByKeys(maxCacheSeconds, requester, clock.now()),
    seq,
    ageMs,
    ...(session.issueTicket ? { session: session.issueTicket() } : {}),
  };
  return sealText(session.key, JSON.stringify(answer), whoamiResponseAad(request));
}
