import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';
import t from 'tap';
import { CallQueue } from '../../../shared/overload/call-queue.ts';

t.test('a new call does not overtake a queued one when there is room again', async (t) => {
  const begun: ServerResponse[] = [];
  const queue = new CallQueue({
    max: 1,
    queueTimeoutMs: 60_000,
    reject: () => t.fail('no call is rejected'),
  });
  const come = () => {
    const request = new IncomingMessage(new Socket());
    const response = new ServerResponse(request);
    queue.take(request, response, () => {
      begun.push(response);
      queue.enter(response);
    });
    return response;
  };
  const first = come();
  const waiting = come();
  first.emit('close');
  const newcomer = come();
  await nextTurn();
  t.ok(begun.length === 2 && begun[1] === waiting, 'the queued call is next');
  waiting.emit('close');
  await nextTurn();
  t.ok(begun.length === 3 && begun[2] === newcomer);
});
