import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { root } from '../docs/sources.ts';
import { startKeyserver } from '../support/keyserver.ts';
import { plainPolicy } from '../support/pair-state.ts';
import { startProxy } from '../support/proxy.ts';
import { answers, startUpstream } from '../support/upstream.ts';
import { findChromium, openPage } from './browser.ts';

/** Both services, a marketplace, and an app that may call it for the client `shop-1`. */
async function setUp(t: Test) {
  const upstream = await startUpstream(t);
  const keyserver = await startKeyserver(t);
  await keyserver.putType('test', plainPolicy(upstream.url));
  await keyserver.putToken('shop-1', 'test', 'fixture-token');
  const appKey = await keyserver.putApp('orders');
  const proxyKey = await keyserver.putProxy('proxy-1');
  const proxy = await startProxy(t, { keyserverUrl: keyserver.url, proxyKey });
  return { upstream, appKey, proxy };
}

t.test('the page and all that it is made of come from the proxy', async (t) => {
  const proxy = await startProxy(t, {});
  for (const path of ['/docs', '/docs/']) {
    const page = await proxy.send(path);
    t.equal(page.status, 200, path);
    t.match(page.all('content-type'), [/^text\/html/], path);
    const parts = [...page.text.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, part = '']) => part);
    t.ok(parts.length >= 5, `${path} has ${parts.length} parts`);
    for (const part of parts) {
      const url = new URL(part, `${proxy.url}${path}`);
      t.equal(url.origin, proxy.url, part);
      t.equal((await proxy.send(url.pathname)).status, 200, part);
    }
  }
});

t.test('the page may talk to the proxy only, and no other page may frame it', async (t) => {
  const proxy = await startProxy(t, {});
  for (const path of ['/docs', '/docs/json', '/docs/static/swagger-ui-bundle.js']) {
    const answer = await proxy.send(path);
    const [policy = ''] = answer.all('content-security-policy');
    t.match(policy, /^default-src 'none'; /, path);
    t.match(policy, /; frame-ancestors 'none'$/, path);
    t.notMatch(policy, /https?:|\*|unsafe/, path);
    t.strictSame(answer.all('x-content-type-options'), ['nosniff'], path);
  }
});

t.test('the document that the page shows is the committed one', async (t) => {
  const proxy = await startProxy(t, {});
  const { text } = await proxy.send('/docs/json');
  const committed = readFileSync(join(root, 'openapi/secureproxy.json'), 'utf8');
  t.same(JSON.parse(text), JSON.parse(committed));
});

t.test('the document is written once, however often strangers ask for it', async (t) => {
  const proxy = await startProxy(t, {});
  const { stringify } = JSON;
  let written = 0;
  t.capture(JSON, 'stringify', (value: unknown) => {
    const text = stringify(value);
    if (text.length > 50_000) written += 1;
    return text;
  });
  for (let i = 0; i < 3; i++) t.equal((await proxy.send('/docs/json')).status, 200);
  t.equal(written, 1);
  const yaml = await proxy.send('/docs/yaml');
  t.match(yaml, { status: 404, problem: { code: 'route_not_found' } });
});

t.test('a part that is not there is route_not_found, another method is not allowed', async (t) => {
  const proxy = await startProxy(t, {});
  t.match(await proxy.send('/docs/static/none.js'), {
    status: 404,
    problem: { code: 'route_not_found' },
  });
  for (const name of [
    'x',
    '..%2fpackage.json',
    'a%00b',
    '%00',
    '.env',
    'x'.repeat(300),
    'index.css/x',
  ]) {
    t.match(
      await proxy.send(`/docs/static/${name}`),
      { status: 404, problem: { code: 'route_not_found' } },
      name,
    );
  }
  const refused = await proxy.send('/docs', { method: 'POST' });
  t.match(refused, { status: 405, problem: { code: 'method_not_allowed' } });
  t.strictSame(refused.all('allow'), ['GET, HEAD']);
});

t.test('DOCS=off leaves nothing of it', async (t) => {
  const proxy = await startProxy(t, { settings: { DOCS: 'off' } });
  for (const path of ['/docs', '/docs/', '/docs/json', '/docs/static/swagger-ui.css']) {
    t.match(await proxy.send(path), { status: 404, problem: { code: 'route_not_found' } }, path);
  }
});

const executable = findChromium() ?? '';
const skip = executable === '' && 'no Chromium: set CHROMIUM to one, or install chromium';

t.test('a call made from the page in a browser gets its answer', { skip }, async (t) => {
  const { upstream, appKey, proxy } = await setUp(t);
  upstream.script(
    answers(200, '{"orders":["from-the-marketplace"]}', [['Content-Type', 'application/json']]),
  );
  const { page, requested, faults } = await openPage(t, executable);
  await page.goto(`${proxy.url}/docs`);

  await page.getByRole('button', { name: 'Authorize' }).first().click();
  await page.getByLabel('auth-bearer-value').fill(appKey);
  await page.getByRole('button', { name: 'Apply credentials' }).click();
  await page.getByRole('button', { name: 'Close' }).click();

  const operation = page.locator('#operations-default-requestApi');
  await operation.getByRole('button', { name: '/request_api' }).first().click();
  await operation.getByRole('button', { name: 'Try it out' }).click();
  const body = operation.locator('textarea.body-param__text');
  t.match(JSON.parse(await body.inputValue()), { ClientId: 'shop-1' }, 'the example is filled in');
  await body.fill(
    JSON.stringify({
      ClientId: 'shop-1',
      TokenType: 'test',
      ApiUri: `${upstream.url}/v1/orders`,
      Method: 'GET',
    }),
  );
  await operation.getByRole('button', { name: 'Execute' }).click();
  const answer = operation.locator('.live-responses-table');
  await answer.getByText('from-the-marketplace').first().waitFor();
  t.match(await answer.innerText(), /\b200\b/);

  t.strictSame(upstream.only().all('authorization'), ['Bearer fixture-token']);
  t.notOk(upstream.only().head.includes(appKey), 'the app key stays with the proxy');
  t.same(
    requested.filter((url) => !url.startsWith(`${proxy.url}/`) && !url.startsWith('data:')),
    [],
    'the page asks nobody else',
  );
  t.same(faults, [], 'the page runs without errors, within its policy');
  t.notOk(proxy.logText().includes(appKey), 'the app key is in no log');
  if (process.env.DOCS_SCREENSHOT) {
    await page.screenshot({ path: process.env.DOCS_SCREENSHOT, fullPage: true });
  }
});
