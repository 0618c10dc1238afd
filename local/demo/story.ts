import { containsAppKey } from '../../shared/crypto/caller-key.ts';
import { curlCommand, type DemoAnswer, type DemoCall, requestOf, send } from './call.ts';
import type { Marketplace, MarketplaceCredentials } from './marketplace.ts';
import { clientId, type DemoAppKeys, ozonType, wildberriesType } from './setup.ts';

export interface DemoStage {
  readonly secureproxyOrigin: string;
  readonly marketplace: Marketplace;
  readonly credentials: MarketplaceCredentials;
  readonly appKeys: DemoAppKeys;
  /** Prints a line of the story. */
  readonly print: (line?: string) => void;
}

/** A claim of the demo, and whether it held. */
export interface Check {
  readonly claim: string;
  readonly holds: boolean;
}

/** Makes and prints the three calls. Resolves to all checks. */
export async function runStory(stage: DemoStage): Promise<Check[]> {
  const { credentials, appKeys, marketplace, print } = stage;
  const { ozon, wildberries } = credentials;
  const ozonCall = {
    clientId,
    tokenType: ozonType,
    method: 'POST',
    apiUri: `${marketplace.origin}/v3/product/list`,
    body: { filter: {}, last_id: '', limit: 100 },
  } as const;

  print('1. The app "orders" may use the Ozon key of client "shop-17". It has no');
  print('   such key: it sends its own app key (made for this demo). Typed by hand:');
  const orders = await granted(
    stage,
    { app: 'orders', appKey: appKeys.orders, ...ozonCall },
    { 'Client-Id': ozon.clientId, 'Api-Key': ozon.apiKey },
    true,
  );

  print('2. The app "content" may use the Wildberries token of the same client.');
  const content = await granted(
    stage,
    {
      app: 'content',
      appKey: appKeys.content,
      clientId,
      tokenType: wildberriesType,
      method: 'GET',
      apiUri: `${marketplace.origin}/content/v2/object/parent/all`,
    },
    { Authorization: wildberries.token },
    false,
  );

  print('3. The app "reports" has no grant. It tries the call of "orders".');
  const reports = await rejected(stage, { app: 'reports', appKey: appKeys.reports, ...ozonCall });
  return [...orders, ...content, ...reports];
}

/** Makes a call that must reach the marketplace with the `injected` headers. */
async function granted(
  stage: DemoStage,
  call: DemoCall,
  injected: Readonly<Record<string, string>>,
  inFull: boolean,
): Promise<Check[]> {
  const { marketplace, secureproxyOrigin, print } = stage;
  const request = requestOf(secureproxyOrigin, call);
  if (inFull) print(`\n${curlCommand(request)}\n`);
  const before = marketplace.received.length;
  const answer = await send(request);
  const [seen, ...more] = marketplace.received.slice(before);
  print(`   Answer: ${answer.status}`);
  print(indented(JSON.stringify(answer.body, null, 1)));
  print('   The marketplace saw:');
  for (const [name, stored] of Object.entries(injected)) {
    const value = seen?.headers[name.toLowerCase()];
    const verdict = value === stored ? 'the stored one' : 'NOT the stored one';
    print(`     ${name}: ${value === undefined ? '(none)' : `...${value.slice(-4)}`} (${verdict})`);
  }
  const kept = secrecy(stage, call, answer);
  const own = kept.every(({ holds }) => holds)
    ? 'and no token'
    : 'and SECRETS that it must not have';
  print(`   The app has its own key ...${call.appKey.slice(-4)}, ${own}`);
  print();
  return [
    check(`${call.app}: the answer is the marketplace's, with status 200`, answer.status === 200),
    check(
      `${call.app}: the marketplace received one request`,
      seen !== undefined && more.length === 0,
    ),
    ...Object.entries(injected).map(([name, stored]) =>
      check(
        `${call.app}: the marketplace saw the stored ${name}`,
        seen?.headers[name.toLowerCase()] === stored,
      ),
    ),
    check(
      `${call.app}: the app's key stayed with SecureProxy`,
      seen !== undefined && !containsAppKey(JSON.stringify(seen)),
    ),
    ...kept,
  ];
}

/** Makes a call that SecureProxy must reject with `grant_denied`. */
async function rejected(stage: DemoStage, call: DemoCall): Promise<Check[]> {
  const { marketplace, secureproxyOrigin, print } = stage;
  const before = marketplace.received.length;
  const answer = await send(requestOf(secureproxyOrigin, call));
  const { code, detail } = Object(answer.body) as { code?: unknown; detail?: unknown };
  const reached = marketplace.received.length - before;
  print(`   Answer: ${answer.status} ${code}`);
  print(`   "${detail}"`);
  print(`   The marketplace saw: ${reached === 0 ? 'nothing' : `${reached} request(s)`}`);
  print();
  return [
    check(
      `${call.app}: rejected with 403 grant_denied`,
      answer.status === 403 && code === 'grant_denied',
    ),
    check(`${call.app}: nothing reached the marketplace`, reached === 0),
    ...secrecy(stage, call, answer),
  ];
}

/** Checks that hold for every call: the app sends only its own key, and receives no token. */
function secrecy(stage: DemoStage, call: DemoCall, answer: DemoAnswer): Check[] {
  const { credentials, secureproxyOrigin } = stage;
  const sent = JSON.stringify(requestOf(secureproxyOrigin, call));
  const secrets = [credentials.ozon.apiKey, credentials.wildberries.token];
  const othersKeys = Object.entries(stage.appKeys)
    .filter(([app]) => app !== call.app)
    .map(([, key]) => key);
  return [
    check(
      `${call.app}: the app sent its own key and no other secret`,
      sent.includes(call.appKey) &&
        [...secrets, ...othersKeys].every((text) => !sent.includes(text)),
    ),
    check(
      `${call.app}: no token came back`,
      secrets.every((secret) => !answer.text.includes(secret)),
    ),
  ];
}

function check(claim: string, holds: boolean): Check {
  return { claim, holds };
}

function indented(text: string): string {
  return text.replace(/^/gm, '     ');
}
