import { Compile } from 'typebox/compile';
import { changesRequestAad, changesResponseAad, sealText } from '../../shared/crypto/exchange.ts';
import type { LogFields } from '../../shared/log/request-log.ts';
import { type Changes, ChangesCredentialSchema } from '../../shared/protocol/change-messages.ts';
import type { QuestionRequest } from '../../shared/protocol/messages.ts';
import { checkFresh, checkNamesSession, openCredential } from '../exchange/credential.ts';
import { findProxy } from '../release/callers.ts';
import type { ReleaseDependencies } from '../release/release.ts';

const credentialValidator = Compile(ChangesCredentialSchema);

export type ChangesDependencies = Pick<
  ReleaseDependencies,
  'sessions' | 'registry' | 'nonces' | 'clock'
>;

/**
 * Answers a proxy with the latest changes, from memory: session → authentication → replay check → sealed
 * answer (docs/protocol.md §5). Resolves to base64.
 * @throws ServiceError
 */
export async function announceChanges(
  { sessions, registry, nonces, clock }: ChangesDependencies,
  request: QuestionRequest,
  log: LogFields,
  address: string,
  certificateNames: readonly string[],
): Promise<string> {
  checkNamesSession(request);
  checkFresh(request, clock);
  const session = await sessions.open(request, address);
  const { proxy, since } = openCredential(
    session.key,
    request.credential,
    changesRequestAad(request),
    credentialValidator,
    '{proxy, since}',
  );
  const { id } = findProxy(registry, clock, proxy, log, certificateNames);
  if (session.source === 'rsa') {
    await nonces.use(`proxy ${id}`, request.nonce);
    session.acceptPeer?.();
  }
  const { changes, ...rest } = registry.changesSince(since);
  const answer: Changes = {
    ...rest,
    // A proxy learns of changes to itself, not to other proxies.
    changes: changes.filter((change) => change.kind !== 'proxy' || change.id === id),
    ageMs: registry.ageMs,
    ...(session.issueTicket ? { session: session.issueTicket() } : {}),
  };
  return sealText(session.key, JSON.stringify(answer), changesResponseAad(request));
}
