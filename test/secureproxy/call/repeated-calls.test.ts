import t, { type Test } from 'tap';
import { Client } from 'undici';
import type { Call } from '../../../secureproxy/call/call.ts';
import { lastCallOf, prepare } from '../../../secureproxy/call/prepare.ts';
import { CallerHead } from '../../../secureproxy/http/caller-head.ts';
import { makeCallerKey } from '../../../shared/crypto/caller-key.ts';
import type { Policy } from '../../../shared/policy/schema.ts';
import type { Release } from '../../../shared/protocol/messages.ts';
import { testClock } from '../../support/clock.ts';
import { releaseOf, someAppKey, startProxy } from '../../support/proxy.ts';
import { startUpstream } from '../../support/upstream.ts';

/** A caller with one connection, which repeats its headers; KeyServer answers as the test says. */
async function setUp(t: Test) {
  const upstream = await startUpstream(t);
  const clock = testClock();
  let seq = 0;
  let release: Release;
  const { url, known, connections } = await startProxy(t, { clock, obtain: async () => release });
  const change = (policy: Partial<Policy> = {}, more: Partial<Release> = {}) => {
    seq += 1;
    release = releaseOf({ destinations: [upstream.url], ...policy }, { seq, ...more });
    const changes = [{ seq, kind: 'type', id: 'test' }] as const;
    known.take({ seq, changes: [...changes], ageMs: 0 }, clock.monotonic());
  };
  change();
  const client = new Client(url);
  t.teardown(() => client.close());
  const headers = { authorization: `Bearer ${someAppKey}`, 'shop-sign': 'mine' };
  const send = async (path: string, method: 'GET' | 'DELETE' | 'POST' = 'GET', body?: string) => {
    const target = `/forward/acme/test${path}`;
    const answer = await client.request({ path: target, method, headers, body: body ?? null });
    const text = await answer.body.text();
    t.equal(await connections(), 1);
    const { code, reason } = text.startsWith('{') ? JSON.parse(text) : {};
    return code === undefined ? answer.statusCode : `${code} ${reason}`;
  };
  return { upstream, change, send };
}

t.test('a repeated request is judged by what is in force', async (t) => {
  const { upstream, change, send } = await setUp(t);
  const other = await startUpstream(t);
  for (let round = 0; round < 3; round++) t.equal(await send('/v1?a=1'), 200);
  t.equal(upstream.requests.length, 3);
  change({ destinations: [other.url] });
  for (let round = 0; round < 2; round++) t.equal(await send('/v1?a=1'), 200);
  t.same([upstream.requests.length, other.requests.length], [3, 2]);
  change({}, { grants: [{ client: '*', type: '*', paths: ['/v2'] }] });
  for (let round = 0; round < 2; round++) t.equal(await send('/v1?a=1'), 'grant_denied path');
  t.same([upstream.requests.length, other.requests.length], [3, 2]);
  change({ dropHeaders: ['shop-*'], dropQuery: ['a'] }, { fields: { token: 'another-token' } });
  for (let round = 0; round < 2; round++) {
    t.equal(await send('/v1?a=1'), 200);
    const { target, head } = upstream.requests.at(-1) ?? {};
    t.equal(target, '/v1');
    t.match(head, /Bearer another-token/);
    t.notMatch(head, /shop-sign/i);
  }
});

t.test('only what is equal is a repetition', async (t) => {
  const { upstream, send } = await setUp(t);
  const asked = [
    ['/v1', 'GET'],
    ['/v1', 'GET'],
    ['/v1', 'DELETE'],
    ['/v1', 'GET'],
    ['/v1?a', 'GET'],
    ['/v1', 'POST', 'a'],
    ['/v1', 'POST', 'b'],
    ['/v2', 'GET'],
    ['/v1', 'GET'],
  ] as const;
  for (const [path, method, body] of asked) t.equal(await send(path, method, body), 200);
  t.same(
    upstream.requests.map(({ target, method, body }) => [target, method, body.toString()]),
    asked.map(([path, method, body]) => [path, method, body ?? '']),
  );
});

t.test('a call of a bound app goes where the app is bound to now', async (t) => {
  const upstream = await startUpstream(t);
  const clock = testClock();
  const asked: string[] = [];
  let bound = { clientId: 'acme', tokenType: 'test' };
  let seq = 1;
  const proxy = await startProxy(t, {
    clock,
    obtain: async ({ clientId }) => {
      asked.push(clientId);
      return releaseOf({ destinations: [upstream.url] }, { bound, seq });
    },
  });
  const client = new Client(proxy.url);
  t.teardown(() => client.close());
  const headers = { authorization: `Bearer ${makeCallerKey('spk_', { isBound: true })}` };
  const send = async (path: string) => {
    const answer = await client.request({ path, method: 'GET', headers });
    await answer.body.dump();
    return answer.statusCode;
  };
  // The first release tells of the binding.
  for (const path of ['/forward/acme/test/', '/v1', '/v1']) t.equal(await send(path), 200);
  t.same(asked, ['acme']);
  bound = { clientId: 'other', tokenType: 'test' };
  seq = 2;
  const changes = [{ seq, kind: 'type', id: 'test' }] as const;
  proxy.known.take({ seq, changes: [...changes], ageMs: 0 }, clock.monotonic());
  // As does the next one, for a call on another connection.
  await proxy.send('/forward/acme/test/', { headers: Object.entries(headers).flat() });
  for (let round = 0; round < 2; round++) t.equal(await send('/v1'), 200);
  t.same(asked, ['acme', 'acme', 'other']);
});

t.test('a judgement is kept for one call, policy and grants alone', async (t) => {
  const head = new CallerHead([]);
  const names = { appKey: null, clientId: 'acme', tokenType: 'test', base: '/forward/acme/test' };
  const more = { method: 'GET', headers: {}, body: null, timeoutMs: undefined } as const;
  const call: Call = { ...names, ...more, head, url: '/v1' };
  const [one, other] = ['https://one.example', 'https://other.example'] as const;
  const { policy, grants } = releaseOf({ destinations: [one, other] });
  const kept = prepare({ policy, grants }, call);
  t.not(prepare({ policy, grants }, call), kept);
  lastCallOf(head).newest = { target: '/v1', binding: null, call };
  const first = prepare({ policy, grants }, call);
  t.equal(prepare({ policy, grants }, call), first);
  t.equal(prepare({ policy, grants }, { ...call, url: `${other}/v1` }).url.origin, other);
  t.equal(prepare({ policy, grants }, call), first);
  const turned = { ...policy, destinations: [other, one] };
  t.equal(prepare({ policy: turned, grants }, call).url.origin, other);
  t.throws(() => prepare({ policy: turned, grants: [] }, call), { code: 'grant_denied' });
  t.equal(prepare({ policy, grants }, call).url.origin, one);
});
