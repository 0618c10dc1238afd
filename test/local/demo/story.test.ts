import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import t, { type Test } from 'tap';
import { makeLocalhostCertificate } from '../../../local/certificate.ts';
import { startMarketplace } from '../../../local/demo/marketplace.ts';
import { makeUpCredentials } from '../../../local/demo/setup.ts';
import { runStory } from '../../../local/demo/story.ts';
import { makeCallerKey } from '../../../shared/crypto/caller-key.ts';

const credentials = makeUpCredentials();

/** The claims that do not hold if something other than SecureProxy answers. */
async function failedClaims(t: Test, impostor: Server): Promise<string[]> {
  impostor.listen(0, '127.0.0.1');
  await once(impostor, 'listening');
  t.teardown(() => impostor.close());
  const marketplace = await startMarketplace(
    credentials,
    await makeLocalhostCertificate(new Date()),
  );
  t.teardown(() => marketplace.close());
  const checks = await runStory({
    secureproxyOrigin: `http://127.0.0.1:${(impostor.address() as AddressInfo).port}`,
    marketplace,
    credentials,
    appKeys: {
      orders: makeCallerKey('spk_'),
      content: makeCallerKey('spk_'),
      reports: makeCallerKey('spk_'),
    },
    print: () => {},
  });
  return checks.filter(({ holds }) => !holds).map(({ claim }) => claim);
}

t.test('notices answers that hold a token', async (t) => {
  const leaky = createServer((_, response) => response.end(credentials.wildberries.token));
  const failed = await failedClaims(t, leaky);
  for (const app of ['orders', 'content', 'reports']) {
    t.ok(failed.includes(`${app}: no token came back`), app);
  }
});

t.test('notices answers that no marketplace gave, and an app that was let in', async (t) => {
  const inventive = createServer((_, response) => response.end('{"result": {}}'));
  t.same(await failedClaims(t, inventive), [
    'orders: the marketplace received one request',
    'orders: the marketplace saw the stored Client-Id',
    'orders: the marketplace saw the stored Api-Key',
    "orders: the app's key stayed with SecureProxy",
    'content: the marketplace received one request',
    'content: the marketplace saw the stored Authorization',
    "content: the app's key stayed with SecureProxy",
    'reports: rejected with 403 grant_denied',
  ]);
});
