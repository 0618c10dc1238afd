import { changesRequestAad, changesResponseAad, sealText } from '../../shared/crypto/exchange.ts';
import type { LogFields } from '../../shared/log/request-log.ts';
import { type Changes, ChangesCredentialSchema } from '../../shared/protocol/change-messages.ts';
import type { QuestionRequest } from '../../shared/protocol/messages.ts';
import { Compile } from '../../shared/schema/compile.ts';
import { openQuestion, type QuestionDependencies, spendNonce } from '../exchange/question.ts';
import { findProxy, recognize } from '../release/callers.ts';

const form = {
  aad: changesRequestAad,
  validator: Compile(ChangesCredentialSchema),
  members: '{proxy, since, pins?, process?}',
};

/**
 * Answers a proxy with the latest changes, from memory: session → authentication → replay check → sealed
 * answer (docs/protocol.md §5). Resolves to base64.
 * @throws ServiceError
 */
export async function announceChanges(
  dependencies: QuestionDependencies,
  request: QuestionRequest,
  log: LogFields,
  address: string,
  certificateNames: readonly string[],
): Promise<string> {
  const { registry, clock } = dependencies;
  const { session, credential } = await openQuestion(dependencies, request, address, form);
  const { id } = await recognize(registry, log, () =>
    findProxy(registry, clock, credential.proxy, log, certificateNames),
  );
  await spendNonce(dependencies, session, `proxy ${id}`, request);
  if (credential.pins !== undefined) registry.proxyPins.note(id, credential.pins);
  if (credential.process !== undefined) registry.proxyProcesses.note(credential.process);
  const { changes, ...rest } = registry.changesSince(credential.since);
  const answer: Changes = {
    ...rest,
    // A proxy learns of changes to itself, not to other proxies.
    changes: changes.filter((change) => change.kind !== 'proxy' || change.id === id),
    ageMs: registry.ageMs,
    processes: registry.proxyProcesses.count,
    takesMore: true,
    ...(session.issueTicket ? { session: session.issueTicket() } : {}),
  };
  return sealText(session.key, JSON.stringify(answer), changesResponseAad(request));
}
