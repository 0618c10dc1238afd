import { changesRequestAad, changesResponseAad } from '../../shared/crypto/exchange.ts';
import {
  type Changes,
  type ChangesCredential,
  ChangesCredentialSchema,
} from '../../shared/protocol/change-messages.ts';
import { Compile } from '../../shared/schema/compile.ts';
import type { Question, QuestionDependencies } from '../exchange/question.ts';
import { findProxy, recognize } from '../release/callers.ts';

/** `POST /changes`: the latest changes, which each proxy polls every second. */
export const changesQuestion: Question<ChangesCredential> = {
  path: '/changes',
  operationId: 'announceChanges',
  summary: 'List changes for a proxy, sealed with the session key',
  requestAad: changesRequestAad,
  responseAad: changesResponseAad,
  validator: Compile(ChangesCredentialSchema),
  members: '{proxy, since, pins?, process?}',
  authenticate: async (dependencies, credential, sender) => {
    const { registry } = dependencies;
    const { id } = await recognize(registry, sender.log, () =>
      findProxy(dependencies, credential.proxy, sender),
    );
    return { requester: `proxy ${id}`, answer: () => changesFor(id, registry, credential) };
  },
};

function changesFor(
  id: string,
  registry: QuestionDependencies['registry'],
  { since, pins, process }: ChangesCredential,
): Changes {
  if (pins !== undefined) registry.proxyPins.note(id, pins);
  if (process !== undefined) registry.proxyProcesses.note(process);
  const { changes, ...rest } = registry.changesSince(since);
  return {
    ...rest,
    // A proxy learns of changes to itself, not to other proxies.
    changes: changes.filter((change) => change.kind !== 'proxy' || change.id === id),
    ageMs: registry.ageMs,
    processes: registry.proxyProcesses.count,
    takesMore: true,
  };
}
