import { once } from 'node:events';
import { createServer, type IncomingMessage, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import t, { type Test } from 'tap';
import { terminated } from '../../../secureproxy/envelope/json-scan.ts';
import { BodyBudget } from '../../../secureproxy/receipt/body-budget.ts';
import type { BodyOwner } from '../../../secureproxy/receipt/body-owner.ts';
import { receiveBody } from '../../../secureproxy/receipt/receive-body.ts';
import { until } from '../../support/until.ts';

const limitBytes = 4_000_000;

/** A server that receives bodies, and keeps what it received. */
async function setUp(t: Test, owner: BodyOwner = { source: '127.0.0.1' }) {
  const budget = new BodyBudget({
    totalBytes: 2 * limitBytes,
    strangersBytes: limitBytes,
    sourceBytes: limitBytes,
  });
  const results: (Buffer | Error | undefined)[] = [];
  const gives: (() => void)[] = [];
  // As the service's does: requests without a body have ended.
  const server = createServer({ optimizeEmptyRequests: true }, (payload, response) => {
    const give = receiveBody({ budget, limitBytes }, owner, payload, (error, bytes) => {
      results.push(error ?? bytes);
      response.end();
    });
    gives.push(give);
  });
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo;
  const begin = (length?: number, method = 'POST') => {
    const headers = length === undefined ? {} : { 'content-length': length };
    const sent = request({ port, host: '127.0.0.1', method, headers });
    sent.on('error', () => undefined);
    return sent;
  };
  /** Bytes that could be taken now by one more app. */
  const isFree = (bytes: number) => {
    try {
      budget.take(owner, bytes);
    } catch {
      return false;
    }
    budget.give(owner, bytes);
    return true;
  };
  return { budget, results, gives, begin, isFree };
}

t.test('gives the bytes that came, in however many pieces', async (t) => {
  for (const owner of [{ app: 'orders' }, undefined]) {
    const { results, gives, begin } = await setUp(t, owner);
    for (const length of [0, 1, 70_000, 3_000_000, undefined]) {
      const bytes = Buffer.alloc(length ?? 3_000_000, 'abcdefg');
      const sent = begin(length);
      sent.write(bytes.subarray(0, 1));
      sent.end(bytes.subarray(1));
      const [answer] = (await once(sent, 'response')) as [IncomingMessage];
      answer.resume();
      const received = results.at(-1) as Buffer;
      t.ok(received.equals(bytes), String(length));
      const isLarge = bytes.length > 65_536;
      if (isLarge) t.equal(terminated(received).buffer, received.buffer, 'scanned in place');
      gives.at(-1)?.();
    }
  }
});

t.test('a request without a body has an empty one', async (t) => {
  for (const owner of [{ app: 'orders' }, undefined]) {
    const { results, begin } = await setUp(t, owner);
    begin(undefined, 'GET').end();
    await until(() => results.length === 1);
    t.strictSame(results, [Buffer.alloc(0)]);
  }
});

t.test('a body counts until it is given back', async (t) => {
  for (const owner of [{ app: 'orders' }, undefined]) {
    const { results, gives, begin, isFree } = await setUp(t, owner);
    begin(3_000_000).end(Buffer.alloc(3_000_000));
    await until(() => results.length === 1);
    t.equal(isFree(limitBytes), false);
    gives[0]?.();
    gives[0]?.();
    t.equal(isFree(limitBytes), true);
  }
});

t.test('an announcement counts for a known caller, and nothing for a stranger', async (t) => {
  const known = await setUp(t, { app: 'orders' });
  known.begin(3_500_000).flushHeaders();
  known.begin(3_500_000).flushHeaders();
  await until(() => known.results.length === 1);
  t.match(known.results, [{ code: 'overloaded' }], 'before a byte of it came');

  const strange = await setUp(t);
  strange.begin(limitBytes).flushHeaders();
  const halted = strange.begin(limitBytes);
  halted.write(Buffer.alloc(1_000_000));
  await until(() => !strange.isFree(limitBytes - 999_999));
  t.equal(strange.isFree(limitBytes - 1_000_000), true);
  strange.begin().end(Buffer.alloc(3_500_000));
  await until(() => strange.results.length === 1);
  t.match(strange.results, [{ code: 'overloaded', options: { reason: 'body_bytes' } }]);
});

t.test('a body that is too long is rejected by its length, or as it comes', async (t) => {
  const { results, begin, gives, isFree } = await setUp(t);
  begin(limitBytes + 1).flushHeaders();
  await until(() => results.length === 1);
  begin().end(Buffer.alloc(limitBytes + 1));
  await until(() => results.length === 2);
  t.match(results, [{ code: 'body_too_large' }, { code: 'body_too_large' }]);
  for (const give of gives) give();
  t.equal(isFree(limitBytes), true);
});

t.test('a caller that disconnects is an error, and holds nothing', async (t) => {
  const { results, begin, gives, isFree } = await setUp(t, { app: 'orders' });
  const sent = begin(3_500_000);
  sent.write('x');
  await until(() => gives.length === 1);
  sent.destroy();
  await until(() => results.length === 1);
  t.match(results, [{ code: 'ECONNRESET' }]);
  gives[0]?.();
  t.equal(isFree(limitBytes), true);
});

t.test('a caller that had disconnected before takes nothing', async (t) => {
  const budget = new BodyBudget({ totalBytes: 10, strangersBytes: 10, sourceBytes: 10 });
  const server = createServer();
  t.teardown(() => server.close());
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo;
  const sent = request({ port, method: 'POST', headers: { 'content-length': 10 } });
  sent.on('error', () => undefined);
  sent.flushHeaders();
  const [payload] = (await once(server, 'request')) as [IncomingMessage];
  payload.on('error', () => undefined);
  sent.destroy();
  await until(() => payload.destroyed);
  const results: unknown[] = [];
  receiveBody({ budget, limitBytes: 10 }, { app: 'orders' }, payload, (error) =>
    results.push(error),
  );
  t.match(results, [{ code: 'request_invalid', options: { reason: 'caller_gone' } }]);
  t.doesNotThrow(() => budget.take({ app: 'stock' }, 7));
});
