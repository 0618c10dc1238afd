import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import type { OperationContext } from '../keyserver/operations/context.ts';
import { addGrant } from '../keyserver/operations/grants.ts';
import { putToken } from '../keyserver/operations/tokens.ts';
import { putType } from '../keyserver/operations/types.ts';
import type { MarketplaceCredentials } from './marketplace.ts';
import { ensureCallerKey } from './state.ts';

/** The one client of the demo, and its two token types. */
export const clientId = 'shop-17';
export const ozonType = 'ozon-seller';
export const wildberriesType = 'wildberries';

export interface DemoAppKeys {
  readonly orders: string;
  readonly content: string;
  readonly reports: string;
}

/** Credentials made up anew at each run; their words keep them from being taken for real ones. */
export function makeUpCredentials(): MarketplaceCredentials {
  const random = () => randomBytes(12).toString('hex');
  return {
    ozon: { clientId: 'demo-client-4711', apiKey: `made-up-ozon-key-${random()}` },
    wildberries: { token: `made-up-wildberries-token-${random()}` },
  };
}

export function proxyKeyFile(folder: string): string {
  return join(folder, 'proxy.key');
}

/**
 * What an operator does by keyserver-admin: the proxy, types that lead to the marketplace of this
 * run, tokens, three apps, and grants for two of them. Resolves to the keys of the apps.
 */
export async function setUpDemo(
  context: OperationContext,
  folder: string,
  marketplaceOrigin: string,
  { ozon, wildberries }: MarketplaceCredentials,
): Promise<DemoAppKeys> {
  await ensureCallerKey(context, 'proxy', 'demo', proxyKeyFile(folder));
  // The marketplace runs on this machine, which no token may go to unless its type says so.
  const local = {
    destinations: [marketplaceOrigin],
    unsafeAllowPrivate: ['127.0.0.0/8', '::1/128'],
  };
  await putType(context, ozonType, {
    ...local,
    injection: {
      scheme: 'headers',
      headers: { 'Client-Id': '{client_id}', 'Api-Key': '{api_key}' },
    },
  });
  await putType(context, wildberriesType, {
    ...local,
    injection: { scheme: 'headers', headers: { Authorization: '{token}' } },
  });
  await putToken(context, {
    clientId,
    tokenType: ozonType,
    fields: { client_id: ozon.clientId, api_key: ozon.apiKey },
  });
  await putToken(context, { clientId, tokenType: wildberriesType, fields: { ...wildberries } });
  const appKey = (id: string) => ensureCallerKey(context, 'app', id, join(folder, `${id}.key`));
  const keys = {
    orders: await appKey('orders'),
    content: await appKey('content'),
    reports: await appKey('reports'),
  };
  await addGrant(context, 'orders', { client: clientId, type: ozonType });
  await addGrant(context, 'content', { client: clientId, type: wildberriesType });
  return keys;
}
