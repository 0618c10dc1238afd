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

const makers = {
  healthy: () => createServer((_request, response) => response.end('ok')),
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
  const { admin } = ownOf(scene);
  const keys = {
    greedy: await createApp(admin, 'greedy'),
    quiet: await createApp(admin, 'quiet'),
  };
  const servers: Server[] = [];
  const start = async (name: MarketName): Promise<Market> => {
    const server: Server = makers[name]();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    servers.push(server);
    const type = `neighbour-${name}`;
    const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
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
  const markets = {
    healthy: await start('healthy'),
    silent: await start('silent'),
    slow: await start('slow'),
    early: await start('early'),
  };
  await awaitSeq(scene);
  return {
    markets,
    keys,
    close: () => {
      for (const server of servers) server.close();
    },
  };
}
