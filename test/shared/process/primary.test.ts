import type { Worker } from 'node:cluster';
import { EventEmitter } from 'node:events';
import t from 'tap';
import { Primary } from '../../../shared/process/primary.ts';
import { stillTimers } from '../../support/timers.ts';

t.test('a primary process that does not answer within a second is not waited for', async (t) => {
  const turnOn = await stillTimers(t);
  const silent = Object.assign(new EventEmitter(), { send: () => true });
  let refused: unknown;
  new Primary(silent as unknown as Worker).ask('a nonce').catch((error) => {
    refused = error;
  });
  await turnOn(999);
  t.equal(refused, undefined);
  await turnOn(1);
  t.match(refused, { message: 'The primary process does not answer' });
});
