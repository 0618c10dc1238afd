import type { Environment } from '../shared/settings/config.ts';
import type { Pair } from './pair.ts';

export interface StartNote {
  readonly pair: Pair;
  /** As it is shown. */
  readonly folder: string;
  /** What keyserver-admin must be told; empty where it finds the place itself. */
  readonly adminSettings: Environment;
}

/** What `npm start` says once both run: where they are, and how to get to a first call. */
export function startNote(note: StartNote): string {
  const { pair, folder, adminSettings } = note;
  const { keyserverOrigin, secureproxyOrigin } = pair;
  const settings = Object.entries(adminSettings).map(([name, value]) => `${name}='${value}'`);
  const told = settings.length === 0 ? '' : `\n  export ${settings.join(' \\\n    ')}`;
  return `
KeyServer    ${keyserverOrigin} (process ${pair.keyserverPid})
SecureProxy  ${secureproxyOrigin} (process ${pair.secureproxyPid})
State        ${folder} (database, keys): private; without its keyring nothing opens

Next, in another terminal:
${told}
  # where tokens of a type may go, and how they are put on a request
  npx keyserver-admin type put ozon-seller \\
    --destination https://api-seller.ozon.ru \\
    --header 'Client-Id: {clientId}' --header 'Api-Key: {apiKey}'
  # a client's token; token.json has {"clientId": "...", "apiKey": "..."}
  npx keyserver-admin token put --client shop-17 --type ozon-seller < token.json
  # an app, whose key is shown once, and what it may use
  npx keyserver-admin app create orders
  npx keyserver-admin grant add orders --client shop-17 --type ozon-seller
  # the call, with the app's key
  curl ${secureproxyOrigin}/request_api \\
    -H 'Authorization: Bearer spk_...' -H 'Content-Type: application/json' \\
    -d '{"ClientId": "shop-17", "TokenType": "ozon-seller", "Body": {"limit": 100},
         "ApiUri": "https://api-seller.ozon.ru/v3/product/list"}'

Ctrl-C ends both.
`;
}
