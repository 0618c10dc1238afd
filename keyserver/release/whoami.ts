import { whoamiRequestAad, whoamiResponseAad } from '../../shared/crypto/exchange.ts';
import { maxCacheSeconds } from '../../shared/protocol/messages.ts';
import {
  type Whoami,
  type WhoamiCredential,
  WhoamiCredentialSchema,
} from '../../shared/protocol/whoami-messages.ts';
import { Compile } from '../../shared/schema/compile.ts';
import type { Question } from '../exchange/question.ts';
import { authenticate, cappedByKeys, recognize } from './callers.ts';

/** `POST /whoami`: the app of a key, asked before a proxy reads a call's body. */
export const whoamiQuestion: Question<WhoamiCredential> = {
  path: '/whoami',
  operationId: 'whoami',
  summary: 'Tell a proxy which app a key belongs to, sealed with the session key',
  requestAad: whoamiRequestAad,
  responseAad: whoamiResponseAad,
  validator: Compile(WhoamiCredentialSchema),
  members: '{proxy, app}',
  authenticate: async ({ registry, clock }, credential, { log, certificateNames }) => {
    const { requester, seq, ageMs } = await recognize(registry, log, () => ({
      requester: authenticate(registry, clock, credential, log, certificateNames),
      // Read along with the app: while the nonce is checked, documents may be loaded that it lacks.
      seq: registry.seq,
      ageMs: registry.ageMs,
    }));
    const { proxyId, appId, app } = requester;
    return {
      requester: JSON.stringify([proxyId, appId]),
      answer: (): Whoami => ({
        app: appId,
        ...(app.bound && { bound: app.bound }),
        cacheSeconds: cappedByKeys(maxCacheSeconds, requester, clock.now()),
        seq,
        ageMs,
      }),
    };
  },
};
