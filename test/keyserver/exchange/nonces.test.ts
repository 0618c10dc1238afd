import t from 'tap';
import { NonceMemory } from '../../../keyserver/exchange/nonce-memory.ts';
import { Nonces } from '../../../keyserver/exchange/nonces.ts';
import { keyserverProgram } from '../../../keyserver/start.ts';
import { testClock } from '../../support/clock.ts';

t.test('remembers a nonce for 120 to 240 seconds, whenever it came', async (t) => {
  for (const start of [0, 1, 60_000, 119_999]) {
    const clock = testClock();
    const nonces = new NonceMemory(clock);
    t.equal(nonces.take('proxy a', 'first'), 'new');
    clock.advance(start);
    t.equal(nonces.take('proxy a', 'n'), 'new');
    clock.advance(119_999);
    t.equal(nonces.take('proxy a', 'n'), 'used', `came after ${start} ms`);
    clock.advance(120_001);
    t.equal(nonces.take('proxy a', 'n'), 'new');
  }
});

t.test('forgets what came before a pause of two generations', async (t) => {
  const clock = testClock();
  const nonces = new NonceMemory(clock);
  t.equal(nonces.take('proxy a', 'n'), 'new');
  clock.advance(240_000);
  t.equal(nonces.take('proxy a', 'n'), 'new');
});

t.test('does not forget because the wall clock was set back or forth', async (t) => {
  const clock = testClock();
  const nonces = new NonceMemory(clock);
  t.equal(nonces.take('proxy a', 'n'), 'new');
  clock.step(-86_400_000);
  t.equal(nonces.take('proxy a', 'n'), 'used');
  clock.step(2 * 86_400_000);
  t.equal(nonces.take('proxy a', 'n'), 'used');
});

t.test(
  'a full memory refuses new nonces, knows the old ones, and is each asker’s own',
  async (t) => {
    const clock = testClock();
    const nonces = new NonceMemory(clock, 2);
    t.equal(nonces.take('proxy a', '1'), 'new');
    t.equal(nonces.take('proxy a', '2'), 'new');
    t.equal(nonces.take('proxy a', '3'), 'full');
    t.equal(nonces.take('proxy a', '1'), 'used');
    t.equal(nonces.take('proxy b', '1'), 'new');
    clock.advance(120_000);
    t.equal(nonces.take('proxy a', '3'), 'new');
    t.equal(nonces.take('proxy a', '2'), 'used', 'the generation before is still known');
  },
);

t.test('a full memory that forgets accepts new nonces, and knows the latest', async (t) => {
  const clock = testClock();
  const nonces = new NonceMemory(clock, 2, 'forget');
  const take = (nonce: string) => nonces.take('proxy a', nonce);
  t.same(['1', '2', '3', '4', '5'].map(take), Array(5).fill('new'));
  t.same(['5', '4', '3', '1'].map(take), ['used', 'used', 'used', 'new']);
});

t.test('a generation that moved on early is remembered as long as others', async (t) => {
  const clock = testClock();
  const nonces = new NonceMemory(clock, 2, 'forget');
  const take = (nonce: string) => nonces.take('proxy a', nonce);
  take('1');
  clock.advance(119_000);
  t.same(['2', '3'].map(take), ['new', 'new']);
  clock.advance(1_000);
  t.same(['2', '3'].map(take), ['used', 'used']);
  clock.advance(118_999);
  t.same(['2', '3'].map(take), ['used', 'used']);
});

t.test('nonces of idle requesters are dropped when another generation starts', async (t) => {
  const clock = testClock();
  const nonces = new NonceMemory(clock);
  for (const requester of ['a', 'b', 'c']) nonces.take(requester, 'n');
  clock.advance(239_999);
  nonces.take('a', 'm');
  t.equal(nonces.size, 3);
  clock.advance(1);
  nonces.take('d', 'n');
  t.equal(nonces.size, 2, 'a and d');
  t.equal(nonces.take('a', 'm'), 'used');
  clock.advance(240_000);
  nonces.take('a', 'm');
  t.equal(nonces.size, 1, 'a, whose next generation starts');
});

t.test('what is not new is refused, whoever remembers', async (t) => {
  const used = { code: 'request_stale', options: { reason: 'nonce_used' } };
  const full = { code: 'overloaded', options: { reason: 'nonces_full', retryAfterSeconds: 120 } };
  const ofTickets = new NonceMemory(testClock(), 2, 'forget');
  await new Nonces(() => 'new', ofTickets).use('proxy a', 'n');
  await t.rejects(new Nonces(() => 'used', ofTickets).use('proxy a', 'n'), used);
  await t.rejects(new Nonces(async () => 'full' as const, ofTickets).use('proxy a', 'n'), full);
  const { length } = ['1', '2', '3', '4'].map((nonce) => {
    new Nonces(() => 'full', ofTickets).useWithTicket('proxy a', nonce);
    return nonce;
  });
  t.equal(length, 4, 'with tickets none is refused for want of memory');
  t.throws(() => new Nonces(() => 'new', ofTickets).useWithTicket('proxy a', '4'), used);
});

t.test(
  'of several processes the primary one refuses new nonces if its memory is full',
  async (t) => {
    const answer = keyserverProgram.keep?.();
    const take = (nonce: string) => answer?.({ requester: 'proxy a', nonce });
    for (let i = 0; i < 100_000; i++) take(String(i));
    t.same(['100000', '0', '99999'].map(take), ['full', 'used', 'used']);
  },
);
