import type { Service } from '../../shared/http/service-type.ts';
import type { QuestionDependencies } from '../exchange/question.ts';
import { whoami } from '../release/whoami.ts';
import { questionRoute } from './question-route.ts';

/** `POST /whoami`: the app of a key, asked before a proxy reads a call's body (docs/protocol.md §5). */
export function whoamiRoute(app: Service, dependencies: QuestionDependencies): void {
  questionRoute(app, dependencies, {
    path: '/whoami',
    operationId: 'whoami',
    summary: 'Tell a proxy which app a key belongs to, sealed with the session key',
    answer: whoami,
  });
}
