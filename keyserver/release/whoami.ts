import { whoamiRequestAad, whoamiResponseAad } from '../../shared/crypto/exchange.ts';
import { maxCacheSeconds } from '../../shared/protocol/messages.ts';
import {
  type Whoami,
  type WhoamiCredential,
  WhoamiCredentialSchema,
} from '../../shared/protocol/whoami-messages.ts';
import { Compile } from '../../shared/schema/compile.ts';
import type { Question } from '../exchange/question.ts';
import { cappedByKeys, identify } from './callers.ts';

/** `POST /whoami`: the app of a key, asked before a proxy reads a call's body. */
export const whoamiQuestion: Question<WhoamiCredential> = {
  path: '/whoami',
  operationId: 'whoami',
  summary: 'Tell a proxy which app a key belongs to, sealed with the session key',
  requestAad: whoamiRequestAad,
  responseAad: whoamiResponseAad,
  validator: Compile(WhoamiCredentialSchema),
  members: '{proxy, app}',
  authenticate: async (dependencies, credential, sender) => {
    const { requester, position } = await identify(dependencies, credential, sender);
    const { proxyId, appId, app } = requester;
    return {
      requester: JSON.stringify([proxyId, appId]),
      answer: (): Whoami => ({
        app: appId,
        ...(app.bound && { bound: app.bound }),
        cacheSeconds: cappedByKeys(maxCacheSeconds, requester, dependencies.clock.now()),
        ...position,
      }),
    };
  },
};
