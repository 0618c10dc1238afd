import { once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo, createServer as createTcpServer, type Server } from 'node:net';
import { createApp } from '../../../keyserver/operations/callers.ts';
import { addGrant } from '../../../keyserver/operations/grants.ts';
import { putToken } from '../../../keyserver/operations/tokens.ts';
import { putType } from '../../../keyserver/operations/types.ts';
import { ownOf, type Scene } from '../../scene/attack.ts';
import { awaitSeq } from '../../scene/seen.ts';

/** A marketplace, and its token type. */
export interface Market {
  readonly type: string;
  readonly origin: string;
}

/** Names whose name server does not answer. */
const silentNames = ['one.silent.example', 'two.silent.example'] as const;
/** Name of the healthy marketplace, so that its connections need the name server, too. */
const healthyName = 'healthy.example';

const makers = {
  healthy: () => {
    const server = createServer((_request, response) => response.end('ok'));
    server.maxRequestsPerSocket = 20;
    return server;
  },
  silent: () => createServer(() => undefined),
  slow: () => createServer((_request, response) => setTimeout(() => response.end('ok'), 1000)),
  /** Answers at the first bytes of a request, and reads no more of it. */
  early: () =>
    createTcpServer((socket) => {
      socket.on('error', () => undefined);
      socket.on('data', () => {
        socket.pause();
        socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
      });
    }),
} as const;
type MarketName = keyof typeof makers;

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
  const servers: Server[] = [];
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
  const start = async (name: MarketName): Promise<Market> => {
    const server: Server = makers[name]();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    servers.push(server);
    const { port } = server.address() as AddressInfo;
    return store(name, `http://${name === 'healthy' ? healthyName : '127.0.0.1'}:${port}`);
  };
  const markets = {
    healthy: await start('healthy'),
    silent: await start('silent'),
    slow: await start('slow'),
    early: await start('early'),
  };
  const nameless: Market[] = [];
  for (const name of silentNames) nameless.push(await store(name, `http://${name}`));
  await awaitSeq(scene);
  return {
    markets,
    /** Marketplaces whose names do not resolve. */
    nameless,
    keys,
    close: () => {
      for (const server of servers) server.close();
    },
  };
}
