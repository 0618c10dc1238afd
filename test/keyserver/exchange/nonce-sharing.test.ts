import t from 'tap';
import { NonceMemory } from '../../../keyserver/exchange/nonce-memory.ts';
import { answerNonces, askForNonces } from '../../../keyserver/exchange/nonce-sharing.ts';
import { testClock } from '../../support/clock.ts';

t.test('workers share one memory, so that a replay at another one is detected', async (t) => {
  const answer = answerNonces(new NonceMemory(testClock()));
  const workers = [1, 2].map(() => askForNonces({ ask: async (question) => answer(question) }));
  t.equal(await workers[0]?.('proxy a', 'n'), 'new');
  t.equal(await workers[1]?.('proxy a', 'n'), 'used');
  t.equal(await workers[1]?.('proxy b', 'n'), 'new');
});

t.test('a worker accepts no nonce if the primary process does not answer', async (t) => {
  const cause = new Error('gone');
  const take = askForNonces({ ask: () => Promise.reject(cause) });
  await t.rejects(Promise.resolve(take('proxy a', 'n')), {
    code: 'keyserver_unavailable',
    options: { reason: 'nonces_unknown', retryAfterSeconds: 1, cause },
  });
});
