import t from 'tap';
import { Nonces } from '../../keyserver/nonces.ts';
import { testClock } from '../support/clock.ts';

const used = { code: 'request_stale', options: { reason: 'nonce_used' } };
const full = { code: 'overloaded', options: { reason: 'nonces_full', retryAfterSeconds: 120 } };

t.test('remembers a nonce for 120 to 240 seconds, whenever it came', async (t) => {
  for (const start of [0, 1, 60_000, 119_999]) {
    const clock = testClock();
    const nonces = new Nonces(clock);
    nonces.use('proxy a', 'first');
    clock.advance(start);
    nonces.use('proxy a', 'n');
    clock.advance(119_999);
    t.throws(() => nonces.use('proxy a', 'n'), used, `came after ${start} ms`);
    clock.advance(120_001);
    nonces.use('proxy a', 'n');
  }
});

t.test('forgets what came before a pause of two generations', async () => {
  const clock = testClock();
  const nonces = new Nonces(clock);
  nonces.use('proxy a', 'n');
  clock.advance(240_000);
  nonces.use('proxy a', 'n');
});

t.test('does not forget because the wall clock was set back or forth', async (t) => {
  const clock = testClock();
  const nonces = new Nonces(clock);
  nonces.use('proxy a', 'n');
  clock.step(-86_400_000);
  t.throws(() => nonces.use('proxy a', 'n'), used);
  clock.step(2 * 86_400_000);
  t.throws(() => nonces.use('proxy a', 'n'), used);
});

t.test(
  'a full memory refuses new nonces, knows the old ones, and is each asker’s own',
  async (t) => {
    const clock = testClock();
    const nonces = new Nonces(clock, 2);
    nonces.use('proxy a', '1');
    nonces.use('proxy a', '2');
    t.throws(() => nonces.use('proxy a', '3'), full);
    t.throws(() => nonces.use('proxy a', '1'), used);
    nonces.use('proxy b', '1');
    clock.advance(120_000);
    nonces.use('proxy a', '3');
    t.throws(() => nonces.use('proxy a', '2'), used, 'the generation before is still known');
  },
);
