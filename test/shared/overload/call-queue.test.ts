import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';
import t from 'tap';
import { CallQueue } from '../../../shared/overload/call-queue.ts';

t.test('whoever comes as room is made does not overtake who waits', async (t) => {
  const begun: ServerResponse[] = [];
  const queue = new CallQueue({
    max: 1,
    queueTimeoutMs: 60_000,
    begin: (_request, response) => {
      begun.push(response);
      queue.enter(response);
    },
    refuse: () => t.fail('nobody is refused'),
  });
  const come = () => {
    const request = new IncomingMessage(new Socket());
    const response = new ServerResponse(request);
    queue.take(request, response);
    return response;
  };
  const first = come();
  const waiting = come();
  first.emit('close');
  const newcomer = come();
  await nextTurn();
  t.ok(begun.length === 2 && begun[1] === waiting, 'who waited is next');
  waiting.emit('close');
  await nextTurn();
  t.ok(begun.length === 3 && begun[2] === newcomer);
});
