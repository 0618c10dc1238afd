import t, { type Test } from 'tap';
import { startKeyserver } from '../support/keyserver.ts';
import { check } from './bytes.ts';
import { askChanges, askWhoami, DirectClient, newSession, post, withCredential } from './client.ts';
import { openText, readPublicKey, requestAad, responseAad, sealText } from './skx1.ts';

const name = { clientId: 'магазин 1', tokenType: 'example-type' };

async function start(t: Test) {
  const server = await startKeyserver(t);
  await server.putType(name.tokenType);
  await server.putToken(name.clientId, name.tokenType, 'example-token');
  const app = await server.putApp('stock', { direct: true });
  return { server, url: server.url, app };
}

/** A direct app's members of a request with its key. */
async function ownRequest(url: string, app: string) {
  const session = await newSession(url);
  return { session, ...(await withCredential(session, name, { proxy: null, app })) };
}

t.test('publishes the key and its id, by GET and by POST', async (t) => {
  const { url } = await start(t);
  const get = await fetch(`${url}/public_key`);
  const post = await fetch(`${url}/public_key`, { method: 'POST' });
  const published = Object(await get.json());
  t.strictSame(await post.json(), published);
  const headers = { 'content-type': 'application/json' };
  const withJson = await fetch(`${url}/public_key`, { method: 'POST', headers, body: '{}' });
  t.strictSame(await withJson.json(), published);
  const { keyId } = await readPublicKey(published.public_key);
  t.match(published, { keyId, algorithm: 'RSA-OAEP-256' });
  t.equal(get.headers.get('etag'), `"${keyId}"`);
});

t.test('answers three bare fields as the direct app anonymous', async (t) => {
  const { server, url } = await start(t);
  const { key, members } = await newSession(url);
  const bare = { sessionKey: members.sessionKey, ...name };
  const unknown = { status: 401, code: 'caller_unauthenticated', reason: 'app_unknown' };
  await t.rejects(post(url, bare), unknown);
  await server.putApp('anonymous', { key: null });
  await t.rejects(post(url, bare), unknown);
  await server.putApp('anonymous', { key: null, direct: true });
  const sealed = await post(url, bare);
  const answer = JSON.parse(await openText(key, responseAad(name), sealed));
  t.match(answer, { app: 'anonymous', fields: { token: 'example-token' }, expiresIn: null });
  t.notOk('session' in answer, 'no ticket');
  const withNonce = responseAad({ ...name, nonce: 'nonce-000000000001' });
  await t.rejects(openText(key, withNonce, sealed), { name: 'Refused' });
});

t.test('takes a key id and a nonce in a bare request, and binds the nonce', async (t) => {
  const { server, url, app } = await start(t);
  await server.putApp('anonymous', { key: null, direct: true });
  const { session, context, members } = await ownRequest(url, app);
  const { credential: _, ...bare } = members;
  const sealed = await post(url, bare);
  const answer = JSON.parse(await openText(session.key, responseAad(context), sealed));
  t.equal(answer.app, 'anonymous');
  t.notOk('session' in answer, 'no ticket');
  await t.rejects(openText(session.key, responseAad(name), sealed), { name: 'Refused' });
});

t.test('answers a direct app, and by the ticket the second time', async (t) => {
  const { server, url, app } = await start(t);
  await server.putToken('shop-2', name.tokenType, 'another-token');
  const client = new DirectClient(url, app);
  const first = await client.ask(name.clientId, name.tokenType);
  t.match(first, { app: 'stock', fields: { token: 'example-token' }, session: { expiresIn: 600 } });
  const { session } = client;
  t.strictSame(session?.members, { session: first.session.ticket });
  const second = await client.ask('shop-2', name.tokenType);
  t.match(second, { app: 'stock', fields: { token: 'another-token' } });
  t.notOk('session' in second, 'a ticket is never extended');
  t.equal(client.session, session, 'one session for both');
});

t.test('answers an app with a target, which is judged', async (t) => {
  const { url, app } = await start(t);
  const session = await newSession(url);
  const ask = async (target: object) => {
    const { members } = await withCredential(session, name, { proxy: null, app, target });
    return post(url, members);
  };
  await t.resolves(ask({ method: 'GET', url: 'https://api.example/v1' }));
  const problem = { status: 403, code: 'destination_denied' };
  await t.rejects(ask({ method: 'GET', url: 'https://other.example/' }), problem);
});

t.test('starts a new session where the ticket is refused', async (t) => {
  const { url, app } = await start(t);
  const client = new DirectClient(url, app);
  const first = await client.ask(name.clientId, name.tokenType);
  check(client.session !== undefined, 'no session');
  client.session = { ...client.session, members: { session: 'AAAA' } };
  const second = await client.ask(name.clientId, name.tokenType);
  t.not(second.session.ticket, first.session.ticket);
});

t.test('seals the answer for the nonce of its request', async (t) => {
  const { url, app } = await start(t);
  const { session, context, members } = await ownRequest(url, app);
  const sealed = await post(url, members);
  await t.resolves(openText(session.key, responseAad(context), sealed));
  for (const wrong of [
    responseAad(name),
    responseAad({ ...context, nonce: 'nonce-000000000001' }),
    responseAad({ ...context, clientId: 'shop-2' }),
    requestAad(context),
  ]) {
    await t.rejects(openText(session.key, wrong, sealed), { name: 'Refused' });
  }
});

t.test('says session_invalid and nothing else to a credential of another context', async (t) => {
  const { url, app } = await start(t);
  const { session, context, members } = await ownRequest(url, app);
  const wrong = requestAad({ ...context, nonce: 'nonce-000000000001' });
  const credential = await sealText(session.key, wrong, JSON.stringify({ proxy: null, app }));
  const problem = await post(url, { ...members, credential }).catch((error) => error);
  t.match(problem, { status: 400, code: 'session_invalid' });
  t.strictSame(Object.keys(problem).sort(), ['code', 'requestId', 'status', 'title', 'type']);
});

t.test('takes a nonce once, with a session key and with a ticket', async (t) => {
  const { url, app } = await start(t);
  const { session, context, members } = await ownRequest(url, app);
  const sealed = await post(url, members);
  const used = { status: 400, code: 'request_stale', reason: 'nonce_used' };
  await t.rejects(post(url, members), used);
  const { ticket } = JSON.parse(await openText(session.key, responseAad(context), sealed)).session;
  const byTicket = { key: session.key, members: { session: ticket } };
  const repeated = await withCredential(byTicket, name, { proxy: null, app });
  await t.resolves(post(url, repeated.members));
  await t.rejects(post(url, repeated.members), used);
});

t.test('refuses members that the page does not allow', async (t) => {
  const { url, app } = await start(t);
  const { session, context, members } = await ownRequest(url, app);
  const { nonce, ...withoutNonce } = members;
  const { timestamp } = context;
  const refused = async (body: object, reason: string) => {
    await t.rejects(post(url, body), { status: 400, code: 'request_invalid', reason });
  };
  await refused({ ...members, further: 1 }, 'schema');
  await refused({ ...members, timestamp: String(timestamp) }, 'schema');
  await refused({ ...members, session: 'AAAA' }, 'session');
  await refused(name, 'session');
  await refused(withoutNonce, 'freshness');
  await refused({ session: 'AAAA', ...name, nonce, timestamp }, 'credential');
  await refused({ ...members, clientId: 'a\u202e' }, 'name');
  const stale = { ...members, timestamp: timestamp - 61 };
  await t.rejects(post(url, stale), { code: 'request_stale', reason: 'timestamp' });
  const further = await withCredential(session, name, { proxy: null, app, further: 1 });
  await refused(further.members, 'credential');
  const appLess = await withCredential(session, name, { proxy: null });
  await refused(appLess.members, 'credential');
});

t.test('tells a proxy what changed, by session key and by ticket', async (t) => {
  const { server, url } = await start(t);
  const proxy = await server.putProxy('edge');
  const opened = await newSession(url);
  const first = await askChanges(url, opened, proxy, 0);
  t.match(first, { seq: server.registry.seq, changes: [], reset: true, ageMs: 0 });
  const session = { key: opened.key, members: { session: first.session.ticket } };
  const second = await askChanges(url, session, proxy, first.seq);
  t.equal(second.seq, first.seq);
  t.notOk('session' in second, 'a ticket is never extended');
  await t.rejects(askChanges(url, session, proxy.toLowerCase(), 0), {
    code: 'caller_unauthenticated',
    reason: 'proxy_unknown',
  });
});

t.test('tells a proxy which app a key belongs to, by session key and by ticket', async (t) => {
  const { server, url, app } = await start(t);
  const proxy = await server.putProxy('edge');
  const opened = await newSession(url);
  const first = await askWhoami(url, opened, proxy, app);
  t.match(first, { app: 'stock', cacheSeconds: 300, seq: server.registry.seq, ageMs: 0 });
  const session = { key: opened.key, members: { session: first.session.ticket } };
  const unknown = { code: 'caller_unauthenticated', reason: 'app_unknown' };
  await t.rejects(askWhoami(url, session, proxy, null), unknown);
  await server.putApp('anonymous', { key: null });
  const second = await askWhoami(url, session, proxy, null);
  t.equal(second.app, 'anonymous');
  t.notOk('session' in second, 'a ticket is never extended');
  await t.rejects(askWhoami(url, session, proxy, app.toLowerCase()), unknown);
});
