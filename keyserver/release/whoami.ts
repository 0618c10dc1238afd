import { Compile } from 'typebox/compile';
import { sealText, whoamiRequestAad, whoamiResponseAad } from '../../shared/crypto/exchange.ts';
import type { LogFields } from '../../shared/log/request-log.ts';
import { maxCacheSeconds, type QuestionRequest } from '../../shared/protocol/messages.ts';
import { type Whoami, WhoamiCredentialSchema } from '../../shared/protocol/whoami-messages.ts';
import { checkFresh, checkNamesSession, openCredential } from '../exchange/credential.ts';
import { authenticate, cappedByKeys } from './callers.ts';
import type { ReleaseDependencies } from './release.ts';

const credentialValidator = Compile(WhoamiCredentialSchema);

export type WhoamiDependencies = Pick<
  ReleaseDependencies,
  'sessions' | 'registry' | 'nonces' | 'clock'
>;

/**
 * Tells a proxy which app a key belongs to, from memory: session → authentication → replay check → sealed
 * answer (docs/protocol.md §5). Resolves to base64.
 * @throws ServiceError
 */
export async function whoami(
  { sessions, registry, nonces, clock }: WhoamiDependencies,
  request: QuestionRequest,
  log: LogFields,
  address: string,
  certificateNames: readonly string[],
): Promise<string> {
  checkNamesSession(request);
  checkFresh(request, clock);
  const session = await sessions.open(request, address);
  const credential = openCredential(
    session.key,
    request.credential,
    whoamiRequestAad(request),
    credentialValidator,
    '{proxy, app}',
  );
  const requester = authenticate(registry, clock, credential, log, certificateNames);
  // Read along with the app: while the nonce is checked, documents may be loaded that it lacks.
  const { seq, ageMs } = registry;
  if (session.source === 'rsa') {
    await nonces.use(JSON.stringify([requester.proxyId, requester.appId]), request.nonce);
    session.acceptPeer?.();
  }
  const answer: Whoami = {
    app: requester.appId,
    cacheSeconds: cappedByKeys(maxCacheSeconds, requester, clock.now()),
    seq,
    ageMs,
    ...(session.issueTicket ? { session: session.issueTicket() } : {}),
  };
  return sealText(session.key, JSON.stringify(answer), whoamiResponseAad(request));
}
