import type { Service } from '../../shared/http/service-type.ts';
import { announceChanges } from '../changes/announce.ts';
import type { QuestionDependencies } from '../exchange/question.ts';
import { questionRoute } from './question-route.ts';

/** `POST /changes`, which each proxy polls every second (docs/protocol.md §5). */
export function changesRoute(app: Service, dependencies: QuestionDependencies): void {
  questionRoute(app, dependencies, {
    path: '/changes',
    operationId: 'announceChanges',
    summary: 'List changes for a proxy, sealed with the session key',
    answer: announceChanges,
  });
}
