import t from 'tap';
import { lookupAt } from '../../../secureproxy/guard/name-servers.ts';
import { freePort } from '../../support/free-port.ts';
import { startNameServer } from '../../support/name-server.ts';
import { callApi, problemCode, startPair } from '../../support/pair.ts';
import { tokenType } from '../../support/pair-state.ts';
import { showAuthorization, showOf, startPlainUpstream } from '../../support/plain-upstream.ts';

t.test('asks for both families, and every answer counts', async (t) => {
  const names = await startNameServer(t);
  names.answer('both.example', ['192.0.2.1', '2001:db8::1', '192.0.2.2']);
  names.answer('empty.example', []);
  const lookup = lookupAt([names.address]);
  t.same(await lookup('both.example'), ['192.0.2.1', '192.0.2.2', '2001:db8::1']);
  t.same(await lookup('empty.example'), []);
  t.same(await lookup('unknown.example'), []);
  t.same(new Set(names.asked), new Set(['both.example', 'empty.example', 'unknown.example']));
});

t.test('a name server that does not answer is no answer', async (t) => {
  await t.rejects(lookupAt([`127.0.0.1:${await freePort()}`])('a.example'), {
    code: 'EAI_AGAIN',
    message: 'a.example: A ECONNREFUSED, AAAA ECONNREFUSED',
  });
});

t.test('one family that fails or is silent does not spoil the other', async (t) => {
  const names = await startNameServer(t);
  const lookup = lookupAt([names.address]);
  const of = { 4: '192.0.2.1', 6: '2001:db8::1' };
  for (const failure of ['SERVFAIL', 'REFUSED', 'silent'] as const) {
    for (const family of [4, 6] as const) {
      const name = `${failure}${family}.example`.toLowerCase();
      names.answer(name, [of[4], of[6]]);
      names.fail(name, family, failure);
      t.same(await lookup(name), [of[family === 4 ? 6 : 4]], name);
    }
  }
});

t.test('an error says how each family failed', async (t) => {
  const names = await startNameServer(t);
  const lookup = lookupAt([names.address]);
  names.answer('none.example', []);
  names.fail('none.example', 6, 'SERVFAIL');
  await t.rejects(lookup('none.example'), {
    code: 'EAI_AGAIN',
    message: 'none.example: AAAA ESERVFAIL',
  });
  names.fail('none.example', 4, 'REFUSED');
  await t.rejects(lookup('none.example'), { message: /^none\.example: .*A EREFUSED/ });
});

t.test('a silent name server beside a healthy one costs no call', async (t) => {
  const [silent, healthy] = [await startNameServer(t), await startNameServer(t)];
  const lookup = lookupAt([silent.address, healthy.address]);
  for (const name of ['a.example', 'b.example', 'c.example']) {
    for (const family of [4, 6] as const) silent.fail(name, family, 'silent');
    healthy.answer(name, ['192.0.2.1']);
    t.same(await lookup(name), ['192.0.2.1']);
  }
  t.ok(silent.asked.length < healthy.asked.length, 'which is asked first from then on');
});

t.test('UPSTREAM_DNS_SERVERS is asked in place of the system', async (t) => {
  const names = await startNameServer(t);
  const upstream = await startPlainUpstream(t, showAuthorization);
  const { port } = new URL(upstream);
  const pair = await startPair(t, {
    upstream: `http://market.example:${port}`,
    secureproxy: { UPSTREAM_DNS_SERVERS: names.address },
  });
  names.answer('market.example', ['127.0.0.1']);
  const answer = await pair.call();
  t.equal(answer.status, 200);
  t.same(await answer.json(), showOf(`Bearer ${pair.tokens['shop-1']}`));
  const others = await callApi(
    pair.secureproxy.origin,
    { ClientId: 'shop-1', TokenType: tokenType, ApiUri: `http://localhost:${port}/` },
    { authorization: `Bearer ${pair.appKey}` },
  );
  t.equal(await problemCode(others), 'destination_denied');
});
