import { Agent, type ClientRequest, request } from 'node:http';
import type { Scene } from '../../../scene/attack.ts';

/** A marketplace, and its token type. */
export interface Market {
  readonly type: string;
  readonly origin: string;
}

export interface Sent {
  readonly request: ClientRequest;
  /** Status of the answer; undefined if there was none. */
  readonly status: Promise<number | undefined>;
}

/** Calls a marketplace with this key, over connections that are kept. */
export function caller({ proxy, clientId }: Pick<Scene, 'proxy' | 'clientId'>, appKey: string) {
  const agent = new Agent({ keepAlive: true });
  return (market: Market, members: object = {}, path = '/request_api'): Sent => {
    const body = { ClientId: clientId, TokenType: market.type, ApiUri: `${market.origin}/` };
    const sent = request(proxy + path, {
      method: 'POST',
      agent,
      headers: { 'content-type': 'application/json', authorization: `Bearer ${appKey}` },
    });
    const status = new Promise<number | undefined>((resolve) => {
      sent.once('response', (answer) =>
        answer.resume().once('end', () => resolve(answer.statusCode)),
      );
      sent.on('error', () => resolve(undefined)).once('close', () => resolve(undefined));
    });
    sent.end(JSON.stringify({ ...body, ...members }));
    return { request: sent, status };
  };
}
export type Call = ReturnType<typeof caller>;
