import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { request } from 'node:https';
import t from 'tap';
import { makeLocalhostCertificate } from '../../../local/certificate.ts';
import { startMarketplace } from '../../../local/demo/marketplace.ts';

const credentials = {
  ozon: { clientId: 'made-up-client', apiKey: 'made-up-key' },
  wildberries: { token: 'made-up-token' },
};
const certificate = await makeLocalhostCertificate(new Date());

async function call(
  url: string,
  { ca, ...options }: { ca?: string; method?: string; headers?: Record<string, string> },
): Promise<{ status: number | undefined; body: unknown }> {
  const sent = request(url, { ...options, ...(ca === undefined ? {} : { ca }), agent: false });
  sent.end();
  const [response] = (await once(sent, 'response')) as [IncomingMessage];
  let text = '';
  for await (const chunk of response.setEncoding('utf8')) text += chunk;
  return { status: response.statusCode, body: JSON.parse(text) };
}

t.test('answers as the marketplaces do, to the right credential only', async (t) => {
  const marketplace = await startMarketplace(credentials, certificate);
  t.teardown(() => marketplace.close());
  const { ca } = certificate;
  const ozon = (headers: Record<string, string>) =>
    call(`${marketplace.origin}/v3/product/list`, { ca, method: 'POST', headers });
  const wildberries = (headers: Record<string, string>) =>
    call(`${marketplace.origin}/content/v2/object/parent/all?locale=ru`, { ca, headers });
  const id = credentials.ozon.clientId;

  t.match(await ozon({ 'Client-Id': id, 'Api-Key': credentials.ozon.apiKey }), {
    status: 200,
    body: { result: { total: 1 } },
  });
  t.match(await ozon({ 'Client-Id': id, 'Api-Key': 'other' }), { status: 403, body: { code: 7 } });
  t.match(await ozon({ 'Client-Id': 'other', 'Api-Key': credentials.ozon.apiKey }), {
    status: 403,
  });
  t.match(await ozon({ 'Client-Id': id }), { status: 401, body: { code: 16 } });
  t.match(await wildberries({ Authorization: credentials.wildberries.token }), {
    status: 200,
    body: { error: false },
  });
  t.match(await wildberries({ Authorization: `Bearer ${credentials.wildberries.token}` }), {
    status: 401,
    body: { title: 'unauthorized' },
  });
  t.match(await wildberries({}), { status: 401 });
  t.match(await call(`${marketplace.origin}/v3/product/list`, { ca }), { status: 404 });
  t.same(
    marketplace.received.map(({ status }) => status),
    [200, 403, 403, 401, 200, 401, 401, 404],
    'keeps what it received',
  );
  t.match(marketplace.received[4], {
    method: 'GET',
    path: '/content/v2/object/parent/all?locale=ru',
    headers: { authorization: credentials.wildberries.token },
  });
});

t.test('is trusted through its own CA only', async (t) => {
  const marketplace = await startMarketplace(credentials, certificate);
  t.teardown(() => marketplace.close());
  await t.rejects(call(marketplace.origin, {}), { code: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE' });
  const { ca } = await makeLocalhostCertificate(new Date());
  await t.rejects(call(marketplace.origin, { ca }), { code: 'CERT_SIGNATURE_FAILURE' });
  const elsewhere = marketplace.origin.replace('localhost', '127.0.0.1');
  await t.rejects(call(elsewhere, { ca: certificate.ca }), {
    code: 'ERR_TLS_CERT_ALTNAME_INVALID',
  });
});
