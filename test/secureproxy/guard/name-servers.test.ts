import type { LookupAddress } from 'node:dns';
import t from 'tap';
import { lookupAt } from '../../../secureproxy/guard/name-servers.ts';
import { freePort } from '../../support/free-port.ts';
import { startNameServer } from '../../support/name-server.ts';
import { callApi, problemCode, startPair } from '../../support/pair.ts';
import { tokenType } from '../../support/pair-state.ts';
import { showAuthorization, showOf, startPlainUpstream } from '../../support/plain-upstream.ts';

function lookUp(server: string, name: string): Promise<LookupAddress[]> {
  return new Promise((done, fail) => {
    lookupAt([server])(name, { all: true }, (error, found) => (error ? fail(error) : done(found)));
  });
}

t.test('asks for both families, and every answer counts', async (t) => {
  const names = await startNameServer(t);
  names.answer('both.example', ['192.0.2.1', '2001:db8::1', '192.0.2.2']);
  names.answer('empty.example', []);
  t.same(await lookUp(names.address, 'both.example'), [
    { address: '192.0.2.1', family: 4 },
    { address: '192.0.2.2', family: 4 },
    { address: '2001:db8::1', family: 6 },
  ]);
  t.same(await lookUp(names.address, 'empty.example'), []);
  t.same(await lookUp(names.address, 'unknown.example'), []);
  t.same(new Set(names.asked), new Set(['both.example', 'empty.example', 'unknown.example']));
});

t.test('a name server that does not answer is no answer', async (t) => {
  await t.rejects(lookUp(`127.0.0.1:${await freePort()}`, 'a.example'), { code: 'EAI_AGAIN' });
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
