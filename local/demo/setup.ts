import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import type { OperationContext } from '../../keyserver/operations/context.ts';
import { addGrant } from '../../keyserver/operations/grants.ts';
import { putToken } from '../../keyserver/operations/tokens.ts';
import { putType } from '../../keyserver/operations/types.ts';
import { ensureCallerKey } from '../state.ts';
import type { MarketplaceCredentials } from './marketplace.ts';

/** The demo's client and its two token types. */
export const clientId = 'shop-17';
export const ozonType = 'ozon-seller';
export const wildberriesType = 'wildberries';

export interface DemoAppKeys {
  readonly orders: string;
  readonly content: string;
  readonly reports: string;
}

/** Makes up new credentials at each run; their wording shows that they are not real. */
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

export function appKeyFile(folder: string, app: keyof DemoAppKeys): string {
  return join(folder, `${app}.key`);
}

/**
 * Does an operator's work with keyserver-admin: creates the proxy, types with this run's marketplace as
 * destination, tokens, three apps, and grants for two of them. Resolves to the apps' keys.
 */
export async function setUpDemo(
  context: OperationContext,
  folder: string,
  marketplaceOrigin: string,
  { ozon, wildberries }: MarketplaceCredentials,
): Promise<DemoAppKeys> {
  await ensureCallerKey(context, 'proxy', 'demo', proxyKeyFile(folder));
  // The marketplace runs on this machine, and tokens are sent to loopback addresses only if the type allows it.
  const local = {
    destinations: [marketplaceOrigin],
    unsafeAllowPrivate: ['127.0.0.0/8', '::1/128'],
  };
  await putType(context, ozonType, {
    ...local,
    injection: {
      scheme: 'headers',
      headers: { 'Client-Id': '{clientId}', 'Api-Key': '{apiKey}' },
    },
    publicFields: ['clientId'],
  });
  await putType(context, wildberriesType, {
    ...local,
    injection: { scheme: 'headers', headers: { Authorization: '{token}' } },
  });
  await putToken(context, {
    clientId,
    tokenType: ozonType,
    fields: { clientId: ozon.clientId, apiKey: ozon.apiKey },
  });
  await putToken(context, { clientId, tokenType: wildberriesType, fields: { ...wildberries } });
  const appKey = (id: keyof DemoAppKeys) =>
    ensureCallerKey(context, 'app', id, appKeyFile(folder, id));
  const keys = {
    orders: await appKey('orders'),
    content: await appKey('content'),
    reports: await appKey('reports'),
  };
  await addGrant(context, 'orders', { client: clientId, type: ozonType });
  await addGrant(context, 'content', { client: clientId, type: wildberriesType });
  return keys;
}
