// Both ways in, with Node's fetch. The environment has SECUREPROXY_URL and APP_KEY.
const { SECUREPROXY_URL, APP_KEY } = process.env;

/** Resolves to the marketplace's answer, whatever its status is. */
async function call(path, body) {
  const answer = await fetch(SECUREPROXY_URL + path, {
    method: 'POST',
    headers: { authorization: `Bearer ${APP_KEY}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
    redirect: 'manual', // it would take the key along
    signal: AbortSignal.timeout(60_000),
  });
  // Only Proxy-Status tells an answer of the proxy itself, a problem document, from the marketplace's.
  if (/secureproxy; error=[a-z_]+$/.test(answer.headers.get('proxy-status'))) {
    const { code, reason, requestId } = await answer.json();
    const wait = answer.headers.get('retry-after') ?? 'unknown';
    throw new Error(`SecureProxy: ${code} (${reason}), request ${requestId}, wait ${wait} s`);
  }
  return answer;
}

const called = await call('/request_api', {
  ClientId: 'shop-1',
  TokenType: 'ozon-seller',
  ApiUri: '/v3/product/list',
  Body: { limit: 100 },
});
console.log(await called.text());
const forwarded = await call('/forward/shop-1/ozon-seller/v3/product/list', { limit: 100 });
console.log(await forwarded.text());
