import { createDecipheriv } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Connection } from 'mariadb';
import type { Test } from 'tap';
import type { LegacyKey } from '../../shared/crypto/legacy-row.ts';

/** From a caller's answer to its next call. */
const pauseMs = 10;

/** A call as the earlier system's callers make it: without a key, by POST. */
export interface EarlierCall {
  readonly ClientId: string;
  readonly TokenType: string;
  readonly ApiUri: string;
}

/** The earlier system, as far as its callers and its table know it. */
export interface EarlierSystem {
  readonly origin: string;
  /** Number of calls that it answered. */
  calls(): number;
}

/** Starts it on a table `storage`: it reads the row at each call, and puts a JSON secret on as headers. */
export async function startEarlierSystem(
  t: Test,
  connection: Connection,
  { key, iv }: LegacyKey,
): Promise<EarlierSystem> {
  let calls = 0;
  const secretHeaders = async ({ ClientId, TokenType }: EarlierCall) => {
    const [row] = await connection.query(
      'SELECT token FROM storage WHERE client_id = ? AND token_type = ?',
      [ClientId, TokenType],
    );
    const decipher = createDecipheriv('aes-256-cbc', key, iv);
    const secret = decipher.update(row.token, 'base64', 'utf8') + decipher.final('utf8');
    if (!secret.startsWith('{')) return { Authorization: `Bearer ${secret}` };
    const { clientId, apiKey } = JSON.parse(secret);
    return { 'Client-Id': clientId, 'Api-Key': apiKey };
  };
  const server = createServer(async (request, response) => {
    try {
      const call = (await json(request)) as EarlierCall;
      const answer = await fetch(call.ApiUri, {
        method: 'POST',
        headers: await secretHeaders(call),
      });
      calls += 1;
      response.end(await answer.text());
    } catch (error) {
      response.statusCode = 500;
      response.end(String(error));
    }
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => {
    server.close();
    server.closeAllConnections();
  });
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    calls: () => calls,
  };
}

/** Makes one call; resolves to the text of the answer. */
export async function post(origin: string, call: EarlierCall): Promise<string> {
  const response = await fetch(`${origin}/request_api`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(call),
  });
  return response.text();
}

/** A caller of the earlier system that never stops calling, one call after the other. */
export interface EarlierCaller {
  /** Sends further calls there. */
  moveTo(origin: string): void;
  /** Stops; resolves to the number of calls, and to what was wrong with any. */
  stop(): Promise<{ readonly calls: number; readonly failures: readonly string[] }>;
}

/** Starts calling; each call has an answer that it must get. */
export function startEarlierCaller(
  first: string,
  calls: readonly { readonly call: EarlierCall; readonly answer: string }[],
): EarlierCaller {
  let origin = first;
  let isStopping = false;
  let count = 0;
  const failures: string[] = [];
  const run = async () => {
    while (!isStopping) {
      for (const { call, answer } of calls) {
        const text = await post(origin, call);
        count += 1;
        if (text !== answer) failures.push(text);
        await sleep(pauseMs);
      }
    }
  };
  const ended = run();
  return {
    moveTo(next) {
      origin = next;
    },
    async stop() {
      isStopping = true;
      await ended;
      return { calls: count, failures };
    },
  };
}
