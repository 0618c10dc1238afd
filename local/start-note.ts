import type { Environment } from '../shared/settings/config.ts';
import { exportCommand } from './admin-settings.ts';
import { ignoredNote, type Pair } from './pair.ts';

export interface StartNote {
  readonly pair: Pair;
  /** Path for output. */
  readonly folder: string;
  /** Settings that keyserver-admin needs; empty if it finds the state by itself. */
  readonly adminSettings: Environment;
}

/** The text that `npm start` prints when both services run: their addresses, and the way to a first call. */
export function startNote(note: StartNote): string {
  const { pair, folder, adminSettings } = note;
  const { keyserverOrigin, secureproxyOrigin } = pair;
  const exports = exportCommand(adminSettings);
  const exportLine = exports && `\n  ${exports}`;
  const ignored = pair.ignored.length === 0 ? '' : `\nIgnored      ${ignoredNote(pair)}`;
  return `
KeyServer    ${keyserverOrigin} (process ${pair.keyserverPid})
SecureProxy  ${secureproxyOrigin} (process ${pair.secureproxyPid})
State        ${folder} (database, keys): keep it private; without its keyring no token can be opened${ignored}

Next, in another terminal:
${exportLine}
  # a token type: its destination, and the headers that carry the token
  npx keyserver-admin type put ozon-seller \\
    --destination https://api-seller.ozon.ru \\
    --header 'Client-Id: {clientId}' --header 'Api-Key: {apiKey}' --public-field clientId
  # a client's token; token.json has {"clientId": "...", "apiKey": "..."}
  npx keyserver-admin token put --client shop-17 --type ozon-seller < token.json
  # an app, whose key is printed once, and its grant
  npx keyserver-admin app create orders
  npx keyserver-admin grant add orders --client shop-17 --type ozon-seller
  # a call with the app's key
  curl ${secureproxyOrigin}/request_api \\
    -H 'Authorization: Bearer spk_...' -H 'Content-Type: application/json' \\
    -d '{"ClientId": "shop-17", "TokenType": "ozon-seller", "Body": {"limit": 100},
         "ApiUri": "https://api-seller.ozon.ru/v3/product/list"}'

Ctrl-C ends both.
`;
}
