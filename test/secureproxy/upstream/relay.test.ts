import { Writable } from 'node:stream';
import t, { type Test } from 'tap';
import type { Dispatcher } from 'undici';
import { scrubberOf } from '../../../secureproxy/scrub/scrubber.ts';
import type { AnswerTarget } from '../../../secureproxy/upstream/answer-target.ts';
import { Deadline } from '../../../secureproxy/upstream/deadline.ts';
import { relay } from '../../../secureproxy/upstream/relay.ts';
import type { RelayOptions } from '../../../secureproxy/upstream/relay-options.ts';
import { nextBatch } from '../../../shared/event-loop.ts';
import { releaseOf } from '../../support/proxy.ts';

/** A caller that reads nothing. */
class Stalled extends Writable implements AnswerTarget {
  headersSent = false;
  readonly timeouts: number[] = [];
  override _write(): void {}
  flushHeaders(): void {}
  writeHead(): void {
    this.headersSent = true;
  }
  setTimeout(ms: number): void {
    this.timeouts.push(ms);
  }
}

function setUp(t: Test, more: Partial<RelayOptions> = {}, response = new Stalled()) {
  const deadline = new Deadline(10_000);
  t.teardown(() => deadline.end());
  let handler: Dispatcher.DispatchHandler = {};
  const pool = {
    dispatch: (_options: unknown, given: Dispatcher.DispatchHandler) => {
      handler = given;
      return true;
    },
  } as unknown as Dispatcher;
  const request = { path: '/', method: 'GET', headers: [], body: null };
  const relayed = relay(pool, request, response, {
    deadline,
    isForwarded: true,
    idleTimeoutMs: 500,
    onStart: () => true,
    isRefused: () => false,
    answerHeaders: () => ({}),
    scrubber: undefined,
    onBody: () => undefined,
    onAnswer: () => undefined,
    onEnd: () => undefined,
    ...more,
  });
  let aborted = 0;
  const controller = {
    pause: () => undefined,
    abort: () => {
      aborted += 1;
    },
  } as unknown as Dispatcher.DispatchController;
  return {
    ...{ relayed, response },
    aborted: () => aborted,
    answer: (...pieces: Buffer[]) => {
      const length = pieces.reduce((sum, piece) => sum + piece.length, 0);
      handler.onRequestStart?.(controller, {});
      handler.onResponseStart?.(controller, 200, { 'content-length': String(length) });
      for (const piece of pieces) handler.onResponseData?.(controller, piece);
      handler.onResponseEnd?.(controller, {});
    },
  };
}

t.test('an answer that ends in a pause is bounded, and leaves no listeners', async (t) => {
  const { relayed, response, answer } = setUp(t);
  const piece = Buffer.alloc(100_000);
  const count = () => ['drain', 'timeout', 'close'].map((event) => response.listenerCount(event));
  const before = [0, 0, 0];
  answer(piece, piece, piece);
  t.equal(await relayed, true);
  t.same(count(), before);
  // Without a listener, Node ends a connection whose time is up.
  t.same(response.timeouts, [500, 0, 500]);
});

t.test('what fails in the next batch fails the call alone', async (t) => {
  const scrubber = scrubberOf(releaseOf({ destinations: ['https://one.example'] }));
  const answerHeaders = () => {
    throw new Error('some fault');
  };
  const { relayed, answer } = setUp(t, { scrubber, answerHeaders });
  answer(Buffer.from('short'));
  await t.rejects(relayed, { code: 'internal' });
});

t.test('a call that ended before the next batch is not answered in it', async (t) => {
  const scrubber = scrubberOf(releaseOf({ destinations: ['https://one.example'] }));
  const { relayed, response, answer } = setUp(t, { scrubber });
  answer(Buffer.from('short'));
  response.destroy();
  await t.rejects(relayed, { code: 'request_invalid' });
  await nextBatch();
  t.equal(response.headersSent, false);
});

t.test('nothing is sent for a caller that is gone', async (t) => {
  const onStart = () => t.fail('sent');
  const { relayed, answer } = setUp(t, { onStart }, new Stalled().destroy());
  answer();
  await t.rejects(relayed, { code: 'request_invalid' });
});

t.test('of an answer that is not wanted 64 KiB are read, and no timer is left', async (t) => {
  const timers = () => process.getActiveResourcesInfo().filter((one) => one === 'Timeout').length;
  const before = timers();
  for (const [size, times] of [
    [64 * 1024, 0],
    [64 * 1024 + 1, 1],
  ] as const) {
    const { relayed, response, answer, aborted } = setUp(t, { isRefused: () => true });
    answer(Buffer.alloc(size));
    t.equal(await relayed, false);
    t.equal(aborted(), times);
    t.equal(timers(), before);
    t.equal(response.listenerCount('close'), 0);
  }
});

t.test('a call whose time is up leaves no listener', async (t) => {
  const { relayed, response } = setUp(t, { deadline: new Deadline(0) });
  await t.rejects(relayed, { code: 'upstream_timeout' });
  t.equal(response.listenerCount('close'), 0);
});

t.test('neither does one that may not start', async (t) => {
  const { relayed, response, answer } = setUp(t, { onStart: () => false });
  t.throws(() => answer(), { message: 'the release has ended' });
  t.equal(await relayed, false);
  t.equal(response.listenerCount('close'), 0);
});
