import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createApp } from '../../../keyserver/operations/callers.ts';
import { addGrant } from '../../../keyserver/operations/grants.ts';
import { putToken } from '../../../keyserver/operations/tokens.ts';
import { putType } from '../../../keyserver/operations/types.ts';
import { ownOf, type Scene } from '../../scene/attack.ts';
import { awaitSeq } from '../../scene/seen.ts';
import { startAttackers } from './attackers/attackers.ts';
import type { Market } from './attackers/caller.ts';

/** Names whose name server does not answer. */
const silentNames = ['one.silent.example', 'two.silent.example'] as const;
/** Name of the healthy marketplace, so that its connections need the name server, too. */
const healthyName = 'healthy.example';

/** Starts marketplaces of every kind, and makes an app for the healthy one and an app for the others. */
export async function startMarkets(scene: Scene) {
  const { admin, names } = ownOf(scene);
  names.answer(healthyName, ['127.0.0.1']);
  for (const name of silentNames)
    for (const family of [4, 6] as const) names.fail(name, family, 'silent');
  const keys = {
    greedy: await createApp(admin, 'greedy'),
    quiet: await createApp(admin, 'quiet'),
  };
  const store = async (name: string, origin: string): Promise<Market> => {
    const type = `neighbour-${name}`;
    await putType(admin, type, {
      destinations: [origin],
      unsafePlaintext: true,
      unsafeAllowPrivate: ['127.0.0.1/32'],
      injection: { scheme: 'headers', headers: { Authorization: 'Bearer {token}' } },
    });
    const { clientId } = scene;
    await putToken(admin, { clientId, tokenType: type, fields: { token: scene.token } });
    await addGrant(admin, name === 'healthy' ? 'quiet' : 'greedy', { client: clientId, type });
    return { type, origin };
  };
  const attackers = await startAttackers();
  const { ports } = attackers;
  const server = createServer((_request, response) => response.end('ok'));
  server.maxRequestsPerSocket = 20;
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const healthy = await store('healthy', `http://${healthyName}:${port}`);
  const markets = {
    silent: await store('silent', `http://127.0.0.1:${ports.silent}`),
    slow: await store('slow', `http://127.0.0.1:${ports.slow}`),
    early: await store('early', `http://127.0.0.1:${ports.early}`),
  };
  const nameless: Market[] = [];
  for (const name of silentNames) nameless.push(await store(name, `http://${name}`));
  await awaitSeq(scene);
  return {
    healthy,
    quietKey: keys.quiet,
    attackers,
    order: { proxy: scene.proxy, clientId: scene.clientId, appKey: keys.greedy, markets, nameless },
    close: () => {
      attackers.close();
      server.close();
    },
  };
}
