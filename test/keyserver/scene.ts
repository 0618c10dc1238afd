import type { Test } from 'tap';
import type { Store } from '../../keyserver/store/store.ts';
import { type Ask, ask, type ClientSession, type Exchange } from '../support/exchange-client.ts';
import {
  startKeyserver,
  type TestKeyserver,
  type TestKeyserverOptions,
} from '../support/keyserver.ts';

export const secretText = 'not a real token, only a test';
export const wanted = { clientId: 'shop-1', tokenType: 'ozon-seller' };
export const target = { method: 'POST', url: 'https://api.example/v1/orders' };

/** A KeyServer with a type, a proxy, an app that may do everything, and a token. */
export interface Scene {
  readonly keyserver: TestKeyserver;
  readonly proxy: string;
  readonly app: string;
  /** The proxy's request for the app. */
  readonly credential: { readonly proxy: string; readonly app: string; readonly target: object };
  /** The proxy asks for the token; what differs from that is given. */
  ask(differently?: Partial<Ask>, session?: ClientSession): Promise<Exchange>;
}

export async function startScene(test: Test, options?: TestKeyserverOptions): Promise<Scene> {
  const keyserver = await startKeyserver(test, options);
  await keyserver.putType(wanted.tokenType);
  const proxy = await keyserver.putProxy('proxy-1');
  const app = await keyserver.putApp('orders');
  await keyserver.putToken(wanted.clientId, wanted.tokenType, secretText);
  const credential = { proxy, app, target };
  return {
    keyserver,
    proxy,
    app,
    credential,
    ask: (differently, session) =>
      ask(keyserver, { ...wanted, credential, ...differently }, session),
  };
}

/** The code and reason of a refusal, to be compared at once. */
export function refusal({ status, problem: { code, reason } }: Exchange) {
  return reason === undefined ? { status, code } : { status, code, reason };
}

/** A real store that counts how often a token is read. */
export function countReads(store: Store): { readonly store: Store; reads(): number } {
  let reads = 0;
  return {
    store: {
      ...store,
      findTokens: (clientId, tokenType) => {
        reads++;
        return store.findTokens(clientId, tokenType);
      },
    },
    reads: () => reads,
  };
}
