import t from 'tap';
import { logFieldNames } from '../../shared/log/request-log.ts';
import { ask, newSession, postJson, ticketSession } from '../support/exchange-client.ts';
import { pollUntil } from '../support/poll-until.ts';
import { readRaw, sendRaw } from '../support/raw-http.ts';
import { secretText, startScene, target, wanted } from './scene.ts';

t.test('no line shows a token, a key, a URL or a body, at any level', async (t) => {
  const { keyserver, ask: asked, credential, proxy, app } = await startScene(t, { level: 'trace' });
  const direct = await keyserver.putApp('direct', { direct: true });
  const raw = Buffer.alloc(32, 0x5a);
  const session = newSession(keyserver.rsaKeys.primary.publicKeyPem, raw);
  const url = 'https://api.example/private-path?private=query';
  const first = await asked(
    { credential: { ...credential, target: { method: 'GET', url } } },
    session,
  );
  t.equal(first.status, 200);
  const byTicket = await asked({}, ticketSession(first));
  await ask(keyserver, { ...wanted, credential: { proxy: null, app: direct } });
  for (const refused of [
    {
      credential: {
        ...credential,
        target: { method: 'GET', url: `${url}&x`.replace('api', 'evil') },
      },
    },
    { credential: { ...credential, app: `${app}x` } },
    { credential: { ...credential, proxy: `${proxy}x` } },
    { credential: `{"proxy": "${proxy}", "app": ` },
    { clientId: 'shop-9' },
    { nonce: first.request.nonce ?? '' },
    { timestamp: 1 },
  ]) {
    t.not((await asked(refused)).status, 200);
  }
  await postJson(keyserver.url, `{"clientId": "${secretText}`);
  await postJson(keyserver.url, { ...first.request, [secretText]: 1 });
  await sendRaw(
    keyserver.url,
    `GET /${encodeURI(secretText)} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`,
  );
  await sendRaw(keyserver.url, `${secretText}\r\n\r\n`);
  await keyserver.store.putToken({ ...wanted, token: `skt1.k1.${secretText}` });
  t.equal((await asked()).problem.code, 'integrity_failed');
  const [sealed] = await keyserver.store.findTokens(wanted.clientId, wanted.tokenType);
  await keyserver.store.close();
  t.equal((await asked()).problem.code, 'keyserver_unavailable');

  const text = keyserver.logText();
  t.match(text, '"level":"error"');
  const hidden: Record<string, string> = {
    'the token': secretText,
    'the token, escaped': encodeURI(secretText),
    'the sealed token': sealed?.token ?? '',
    'the app key': app,
    'the proxy key': proxy,
    'the direct app’s key': direct,
    'the session key in base64': raw.toString('base64').slice(0, 20),
    'the session key in hex': raw.toString('hex').slice(0, 20),
    'the wrapped key': first.request.sessionKey?.slice(0, 40) ?? '',
    'the ticket': first.release.session?.ticket.slice(0, 40) ?? '',
    'the sealed credential': first.request.credential?.slice(0, 40) ?? '',
    'the sealed answer': JSON.parse(byTicket.answer.text).token.slice(0, 40),
    'the nonce': first.request.nonce ?? '',
    'the target’s path': 'private-path',
    'the target’s query': 'private=query',
    PEM: 'BEGIN',
  };
  for (const [what, value] of Object.entries(hidden)) {
    t.ok(value.length > 4, what);
    t.notOk(text.includes(value), what);
  }
});

t.test('a call is one line, of known fields', async (t) => {
  const { keyserver, ask, credential } = await startScene(t);
  const { request } = await ask();
  await ask({
    credential: {
      ...credential,
      target: { ...target, method: 'PUT', url: 'https://evil.example/' },
    },
  });
  const lines = () => keyserver.log().filter(({ msg }) => msg === 'request');
  await pollUntil('both lines', lines, ({ length }) => length === 2);
  const [released, refused] = lines();
  t.ok(request);
  t.match(released, {
    level: 'info',
    'service.name': 'keyserver',
    time: /^\d{4}-\d\d-\d\dT[\d:.]+Z$/,
    request_id: /^[\w-]{36}$/,
    trace_id: /^[0-9a-f]{32}$/,
    span_id: /^[0-9a-f]{16}$/,
    'http.request.method': 'POST',
    'url.template': '/',
    'http.response.status_code': 200,
    'http.request.body.size': Number,
    'http.response.body.size': Number,
    duration_ms: Number,
    proxy: 'proxy-1',
    app: 'orders',
    client: 'shop-1',
    token_type: 'ozon-seller',
    release: 'rsa',
  });
  t.match(refused, {
    'http.response.status_code': 403,
    'error.type': 'destination_denied',
    'error.reason': String,
    app: 'orders',
  });
  const ofAllLines = ['level', 'time', 'service.name', 'msg'];
  for (const line of lines()) {
    t.same(
      Object.keys(line).filter((name) => ![...ofAllLines, ...logFieldNames].includes(name)),
      [],
    );
  }
});

t.test('a route is logged by its pattern, and what has none as none', async (t) => {
  const { keyserver } = await startScene(t);
  await fetch(`${keyserver.url}/errors/internal?x=hidden-value`);
  await fetch(`${keyserver.url}/hidden-value`);
  const bad = await sendRaw(
    keyserver.url,
    'GET /%zz-hidden-value HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n',
  );
  t.equal(readRaw(bad).status, 400);
  const routes = () =>
    keyserver
      .log()
      .filter(({ msg }) => msg === 'request')
      .map((line) => line['url.template']);
  await pollUntil('three lines', routes, ({ length }) => length === 3);
  t.same(routes(), ['/errors/:code', 'none', 'none']);
  t.notMatch(keyserver.logText(), 'hidden-value');
});

t.test('health checks are not logged where calls are', async (t) => {
  const { keyserver } = await startScene(t);
  await fetch(`${keyserver.url}/healthz`);
  await fetch(`${keyserver.url}/readyz`);
  await fetch(`${keyserver.url}/public_key`);
  const requests = () => keyserver.log().filter(({ msg }) => msg === 'request');
  await pollUntil('one line', requests, ({ length }) => length > 0);
  t.same(
    requests().map((line) => line['url.template']),
    ['/public_key'],
  );
});
