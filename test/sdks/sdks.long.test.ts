import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import t from 'tap';
import { makeCallerKey } from '../../shared/crypto/caller-key.ts';
import { pageBlocks } from '../docs/page-blocks.ts';
import { root } from '../docs/sources.ts';
import { createAuthority } from '../support/certificates.ts';
import { writeIdentity } from '../support/identity-files.ts';
import { startKeyserver } from '../support/keyserver.ts';
import { startProxy } from '../support/proxy.ts';
import { runToolHere } from '../support/tool-here.ts';
import { answers, startUpstream } from '../support/upstream.ts';
import { installSdks } from './install.ts';

interface Sdk {
  readonly host: string;
  /** The secret of the client. */
  readonly fields: Readonly<Record<string, string>>;
  /** The request that must arrive. */
  readonly call: string;
  /** Over http, if it differs: this SDK repeats parameters there. */
  readonly callOverHttp?: string;
  readonly headers: Readonly<Record<string, string>>;
  /** The marketplace's answer, which the program prints. */
  readonly answer: unknown;
  readonly printed?: unknown;
  /** The grant of OAuth by which it fetches its token. */
  readonly asks?: 'client_credentials';
  /** It has fixed hosts, so that its key is a bound one, and speaks TLS alone. */
  readonly isBound?: true;
}

const random = () => randomBytes(12).toString('hex');
const [apiKey, amazon, shopify] = [random(), random(), `shpat_${random()}`];
const [consumerKey, consumerSecret] = [`ck_${random()}`, `cs_${random()}`];
const [keystring, sharedSecret, etsy, ebay] = [random(), random(), random(), random()];
const meli = `APP_USR-${random()}`;

const shopifyCall: Sdk = {
  host: 'shop-1.myshopify.com',
  fields: { token: shopify },
  call: 'POST /admin/api/2026-10/graphql.json',
  headers: { 'x-shopify-access-token': shopify },
  answer: { data: { shop: { name: 'A shop' } } },
  printed: { shop: { name: 'A shop' } },
};

/** By the heading of the page. */
const sdks: Readonly<Record<string, Sdk>> = {
  'artefactby-ozon-seller-api': {
    host: 'api-seller.ozon.ru',
    fields: { clientId: '4711', apiKey },
    call: 'POST /v3/product/list',
    headers: { 'client-id': '4711', 'api-key': apiKey },
    answer: { result: { items: [{ product_id: 223681945 }], total: 1 } },
  },
  '@amazon-sp-api-release/amazon-sp-api-sdk-js': {
    host: 'sellingpartnerapi-na.amazon.com',
    fields: { accessToken: amazon },
    call: 'GET /sellers/v1/marketplaceParticipations',
    headers: { 'x-amz-access-token': amazon },
    answer: { payload: [{ storeName: 'A shop' }] },
  },
  '@sp-api-sdk/catalog-items-api-2022-04-01': {
    host: 'sellingpartnerapi-na.amazon.com',
    fields: { accessToken: amazon },
    call: 'GET /catalog/2022-04-01/items/B07N4M94X4?marketplaceIds=ATVPDKIKX0DER',
    headers: { 'x-amz-access-token': amazon },
    answer: { asin: 'B07N4M94X4' },
  },
  '@scaleleap/selling-partner-api-sdk': {
    host: 'sellingpartnerapi-na.amazon.com',
    fields: { accessToken: amazon },
    call: 'GET /sellers/v1/marketplaceParticipations',
    headers: { 'x-amz-access-token': amazon },
    answer: { payload: [{ storeName: 'A shop' }] },
  },
  '@woocommerce/woocommerce-rest-api': {
    host: 'shop.example',
    fields: { consumerKey, consumerSecret },
    call: 'GET /wp-json/wc/v3/products?per_page=20',
    callOverHttp: 'GET /wp-json/wc/v3/products?per_page=20&per_page=20',
    headers: { authorization: `Basic ${btoa(`${consumerKey}:${consumerSecret}`)}` },
    answer: [{ id: 7, name: 'A product' }],
  },
  '@shopify/admin-api-client': shopifyCall,
  '@shopify/shopify-api': shopifyCall,
  'etsy-ts': {
    host: 'openapi.etsy.com',
    fields: { keystring, sharedSecret, accessToken: etsy },
    call: 'GET /v3/application/users/me',
    headers: { 'x-api-key': `${keystring}:${sharedSecret}`, authorization: `Bearer ${etsy}` },
    answer: { user_id: 1, shop_id: 2 },
  },
  'ebay-api': {
    host: 'api.ebay.com',
    fields: { accessToken: ebay },
    call: 'GET /buy/browse/v1/item/v1%7C254188828753%7C0',
    headers: { authorization: `Bearer ${ebay}` },
    answer: { itemId: 'v1|254188828753|0', title: 'A product' },
    asks: 'client_credentials',
  },
  'amazon-sp-api': {
    host: 'sellingpartnerapi-na.amazon.com',
    fields: { accessToken: amazon },
    call: 'GET /sellers/v1/marketplaceParticipations',
    headers: { 'x-amz-access-token': amazon },
    answer: { payload: [{ storeName: 'A shop' }] },
    printed: [{ storeName: 'A shop' }],
    isBound: true,
  },
  mercadolibre: {
    host: 'api.mercadolibre.com',
    fields: { accessToken: meli },
    call: 'GET /users/me',
    headers: { authorization: `Bearer ${meli}` },
    answer: { id: 7, nickname: 'A shop' },
  },
};

const page = readFileSync(join(root, 'docs/sdks.md'), 'utf8');
const blocks = pageBlocks(page);
const section = (name: string) => page.split(`\n## ${name}\n`)[1]?.split('\n## ')[0] ?? '';
const blockOf = (name: string, wanted: string) =>
  blocks.find(({ place, language }) => place === name && language === wanted)?.text ?? '';
// Some forty processes, each with an SDK to load.
t.setTimeout(600_000);
const { installed, skip } = await installSdks();

t.test('SDKs of marketplaces', { skip }, async (t) => {
  const { ca, issue } = await createAuthority();
  const names = Object.values(sdks).map(({ host }) => host);
  const upstream = await startUpstream(t, { identity: await issue({ names }) });
  const files = writeIdentity(t.testdir({}), await issue(), ca);
  const keyserver = await startKeyserver(t);
  const appKey = await keyserver.putApp('app');
  const proxyKey = await keyserver.putProxy('edge');
  const options = { keyserverUrl: keyserver.url, proxyKey, ca };
  const tls = { TLS_CERT_FILE: files.cert, TLS_KEY_FILE: files.key };
  const proxy = await startProxy(t, { ...options, settings: tls });
  const https = `https://localhost:${proxy.port}`;
  const { url: http } = await startProxy(t, options);

  /** Runs a command of the page, with more arguments. */
  async function admin(command: string, ...more: string[]) {
    const [program, ...args] = command.trim().split(' ');
    t.equal(program, 'keyserver-admin');
    const { code, written } = await runToolHere({
      args: [...args, ...more],
      environment: keyserver.settings,
      folder: root,
      stdin: Buffer.alloc(0),
    });
    return { code, text: written.map(({ text }) => text).join('') };
  }

  const answerOf = ({ answer }: Pick<Sdk, 'answer'>) =>
    answers(200, JSON.stringify(answer), [['Content-Type', 'application/json']]);

  /** The grants of OAuth by which SDKs got their tokens over https. */
  const asked = () => proxy.log().flatMap(({ token_request: grant }) => grant ?? []);

  /** Runs a program of the page as a process that knows nothing but this; resolves to what it prints. */
  async function run(name: string, base: string, key: string, more = ''): Promise<string> {
    const [, code] = section(name).match(/^The code of an error .* is `(.+)`/m) ?? [];
    // An error without a code would be thrown by the listener, and come to it again for ever.
    const shown = `process.on('uncaughtException', async (error) => {
      try { console.log(${code}); } catch { console.error(error); process.exit(1); }
    })`;
    const args = ['--import', `data:text/javascript,${encodeURIComponent(shown)}`];
    const child = await promisify(execFile)(
      process.execPath,
      [...args, '--input-type=module', '--eval', blockOf(name, 'js') + more],
      {
        cwd: installed,
        timeout: 60_000,
        env: { BASE_URL: base, APP_KEY: key, NODE_EXTRA_CA_CERTS: files.ca },
      },
    );
    return child.stdout.trim();
  }

  t.same(
    [...new Set(blocks.filter(({ language }) => language === 'js').map(({ place }) => place))],
    Object.keys(sdks),
    'the page has these programs',
  );

  for (const [name, sdk] of Object.entries(sdks)) {
    await t.test(`${name} makes a call without a token`, async (t) => {
      const command = blockOf(name, 'sh');
      const [, type = ''] = /type put (\S+)/.exec(command) ?? [];
      const { code, text } = await admin(
        command.replace(/ --destination \S+/, ''),
        ...['--destination', `https://${sdk.host}:${upstream.port}`],
        ...['--unsafe-allow-private', '127.0.0.0/8', '--yes'],
      );
      t.equal(code, 0, text);
      await keyserver.putToken('shop-1', type, sdk.fields);
      await keyserver.refresh();
      upstream.script(answerOf(sdk));

      const path = sdk.isBound ? '' : `/forward/shop-1/${type}`;
      const bound = { clientId: 'shop-1', tokenType: type };
      const key = sdk.isBound
        ? await keyserver.putApp(name, { key: makeCallerKey('spk_', { isBound: true }), bound })
        : appKey;
      const before = asked().length;
      // Over http some SDKs sign, and put their key into the query.
      for (const origin of sdk.isBound ? [https] : [https, http]) {
        upstream.requests.length = 0;
        t.equal(await run(name, origin + path, key), JSON.stringify(sdk.printed ?? sdk.answer));
        const request = upstream.only();
        const call = origin === http ? (sdk.callOverHttp ?? sdk.call) : sdk.call;
        t.equal(`${request.method} ${request.target}`, call);
        t.same(request.all('host'), [`${sdk.host}:${upstream.port}`]);
        for (const [header, value] of Object.entries(sdk.headers)) {
          t.same(request.all(header), [value]);
        }
        t.notOk(`${request.head}${request.body}`.includes(key));
      }

      t.strictSame(asked().slice(before), sdk.asks === undefined ? [] : [sdk.asks]);

      const token = Object.values(sdk.fields).at(-1) ?? '';
      const refusal = sdk.isBound ? 'route_not_found' : 'caller_unauthenticated';
      t.equal(await run(name, https + path, token), refusal);
      t.equal(upstream.requests.length, 1, 'a token in place of the app key goes nowhere');
    });
  }

  await t.test('ebay-api renews a token of a user by itself', async (t) => {
    upstream.requests.length = 0;
    upstream.script(answerOf(sdks['ebay-api'] ?? { answer: null }));
    const more = `
      eBay.OAuth2.setCredentials({ access_token: 'ended', refresh_token: 'any' });
      await eBay.OAuth2.refreshToken();
      console.log(JSON.stringify(await eBay.buy.browse.getItem('v1|254188828753|0')));
    `;
    const printed = await run('ebay-api', `${https}/forward/shop-1/ebay`, appKey, more);
    t.equal(printed.split('\n').at(-1), JSON.stringify(sdks['ebay-api']?.answer));
    t.equal(asked().at(-1), 'refresh_token');
    t.equal(upstream.requests.length, 2, 'the two calls alone arrive');
    for (const request of upstream.requests)
      t.same(request.all('authorization'), [`Bearer ${ebay}`]);
  });

  await t.test('mercadolibre renews its token at the proxy', async (t) => {
    const more = `
      await promisify(client.refreshAccessToken.bind(client))();
      console.log(JSON.stringify(await promisify(client.get)('/users/me')));
    `;
    const before = asked().length;
    upstream.script(answerOf(sdks.mercadolibre ?? { answer: null }));
    const printed = await run('mercadolibre', `${https}/forward/shop-1/meli`, appKey, more);
    t.equal(printed.split('\n').at(-1), JSON.stringify(sdks.mercadolibre?.answer));
    t.same(asked().slice(before), ['refresh_token']);
  });

  await t.test("woocommerce's client tells an error of the proxy as one of its shop", async () => {
    await admin('keyserver-admin type edit woo', '--add-limit', '1/h burst 1', '--yes');
    await keyserver.refresh();
    // A release from before has no limit.
    await proxy.feed.ask();
    const more = `
      const { response } = await client.get('products').catch((error) => error);
      console.log(response.data.message, response.headers['x-secureproxy-error']);
    `;
    const printed = await run(
      '@woocommerce/woocommerce-rest-api',
      `${https}/forward/shop-1/woo`,
      appKey,
      more,
    );
    t.match(printed.split('\n').at(-1), /limit .* rate_limited$/);
  });

  await t.test('what needs a signature is refused before anything is stored', async (t) => {
    t.match(await admin(blockOf('lazada-open-platform-sdk', 'sh')), { code: 2, text: /signed/ });
  });
});
