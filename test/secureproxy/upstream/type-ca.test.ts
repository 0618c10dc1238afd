import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { addGrant } from '../../../keyserver/operations/grants.ts';
import { putToken } from '../../../keyserver/operations/tokens.ts';
import { putType } from '../../../keyserver/operations/types.ts';
import { createAuthority } from '../../../local/certificate.ts';
import { startPair } from '../../support/pair.ts';
import { plainPolicy, tokenType } from '../../support/pair-state.ts';
import { pollUntil } from '../../support/poll-until.ts';
import { startUpstream } from '../../support/upstream.ts';

/** A private CA, and a marketplace with a certificate of it. */
async function startMarketplace(t: Test, name: string) {
  const { ca, issue } = await createAuthority(name, new Date());
  const { certificate, privateKey } = await issue(['127.0.0.1']);
  const upstream = await startUpstream(t, { identity: { cert: certificate, key: privateKey } });
  return { ca, certificate, upstream, origin: `https://127.0.0.1:${upstream.port}` };
}

const refused = [502, 'upstream_unreachable', 'tls_certificate'];

t.test('a type with a CA trusts it alone, on connections of its own', async (t) => {
  const one = await startMarketplace(t, 'One');
  const two = await startMarketplace(t, 'Two');
  const policy = (ca?: string) => ({
    ...plainPolicy(one.origin),
    destinations: [one.origin, two.origin],
    ...(ca !== undefined && { ca }),
  });
  const pair = await startPair(t, {
    upstream: one.origin,
    prepare: async ({ admin, folder }) => {
      writeFileSync(join(folder, 'one.pem'), one.ca);
      await putType(admin, tokenType, policy());
      for (const [type, ca] of [
        ['one', one.ca],
        ['two', two.ca],
        ['issued', two.certificate],
        ['both', one.ca + two.ca],
      ] as const) {
        await putType(admin, type, policy(ca));
        await putToken(admin, {
          clientId: 'shop-1',
          tokenType: type,
          fields: { token: 'made-up' },
        });
        await addGrant(admin, 'orders', { client: '*', type });
      }
    },
    secureproxy: { UPSTREAM_CA_FILE: join(t.testdirName, 'one.pem') },
  });
  const outcome = async (type: string, { origin }: { origin: string }) => {
    const answer = await pair.call({ TokenType: type, ApiUri: `${origin}/` });
    if (answer.status === 200) return (await answer.arrayBuffer()) && 200;
    const { code, reason } = Object(await answer.json());
    return [answer.status, code, reason];
  };
  t.equal(await outcome('one', one), 200);
  t.equal(await outcome('two', two), 200);
  // Connections that another type's CA let through are open now.
  t.same(await outcome('one', two), refused, 'one at two');
  t.same(await outcome('two', one), refused, 'two at one, whose CA UPSTREAM_CA_FILE has');
  t.equal(await outcome(tokenType, one), 200, 'without a CA as before');
  t.same(await outcome(tokenType, two), refused);
  t.same([await outcome('both', one), await outcome('both', two)], [200, 200], 'several CAs');
  t.equal(await outcome('issued', two), 200, 'a certificate that no root vouches for');
  t.same(await outcome('issued', one), refused);
  t.equal(one.upstream.requests.length + two.upstream.requests.length, 6, 'no other was sent');

  await putType(pair.admin, 'one', policy(two.ca));
  await pollUntil(
    'the new CA',
    () => outcome('one', one),
    (now) => now !== 200,
  );
  t.same(await outcome('one', one), refused, 'the CA before');
  t.equal(await outcome('one', two), 200, 'the new one');
  await putType(pair.admin, 'one', policy());
  await pollUntil(
    'no CA',
    () => outcome('one', two),
    (now) => now !== 200,
  );
  t.equal(await outcome('one', one), 200, 'that of the proxy again');
});
