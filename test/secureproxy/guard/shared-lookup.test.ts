import { setImmediate as settled } from 'node:timers/promises';
import t, { type Test } from 'tap';
import type { Lookup } from '../../../secureproxy/guard/lookup.ts';
import {
  type SharedLookupOptions,
  sharedLookup,
} from '../../../secureproxy/guard/shared-lookup.ts';
import { stillTimers } from '../../support/timers.ts';
import { until } from '../../support/until.ts';

/** Look-ups that end when the test says so, or with it. */
function scripted(t: Test, options: Partial<SharedLookupOptions> = {}) {
  const asked: string[] = [];
  const open = new Map<string, PromiseWithResolvers<readonly string[]>>();
  let isOver = false;
  const lookup: Lookup = (name) => {
    if (isOver) return Promise.reject(new Error(name));
    asked.push(name);
    const answer = Promise.withResolvers<readonly string[]>();
    open.set(name, answer);
    return answer.promise;
  };
  // A look-up that nobody ends would keep its time-out, and the process, waiting.
  t.teardown(() => {
    isOver = true;
    for (const [name, answer] of open) answer.reject(new Error(name));
  });
  const find = sharedLookup(lookup, { timeoutMs: 60_000, ...options });
  return {
    asked,
    find,
    /** Asks without waiting; the outcome is not looked at. */
    ask: (...names: string[]) => {
      for (const name of names) find(name).catch(() => undefined);
    },
    answer: (name: string) => open.get(name)?.resolve(['192.0.2.1']),
    fail: (name: string) => open.get(name)?.reject(new Error(name)),
  };
}

t.test('asks once for all who wait, and again for those who come later', async (t) => {
  const { find, asked, answer } = scripted(t);
  const all = Promise.all([find('a.example'), find('a.example'), find('a.example')]);
  t.same(asked, ['a.example']);
  answer('a.example');
  t.same(await all, [['192.0.2.1'], ['192.0.2.1'], ['192.0.2.1']]);
  const again = find('a.example');
  t.same(asked, ['a.example', 'a.example']);
  answer('a.example');
  await again;
});

t.test('remembers a failure for a second', async (t) => {
  const turnOn = await stillTimers(t);
  const { find, asked, fail, answer } = scripted(t);
  const first = find('a.example');
  fail('a.example');
  await t.rejects(first, { message: 'a.example' });
  await turnOn(999);
  await t.rejects(find('a.example'), { message: 'a.example' });
  t.equal(asked.length, 1);
  await turnOn(1);
  const later = find('a.example');
  t.equal(asked.length, 2);
  answer('a.example');
  t.same(await later, ['192.0.2.1']);
});

t.test('a name that is not answered fails at once until its look-up has ended', async (t) => {
  const turnOn = await stillTimers(t);
  const { find, asked, answer } = scripted(t, { timeoutMs: 20 });
  const timedOut = { code: 'ETIMEOUT', message: 'a.example: no answer' };
  const refused = t.rejects(find('a.example'), timedOut);
  await turnOn(20);
  await refused;
  // Longer than failures are remembered: getaddrinfo may take far longer.
  await turnOn(60_000);
  await t.rejects(find('a.example'), timedOut);
  t.equal(asked.length, 1);
  answer('a.example');
  await settled();
  const again = find('a.example');
  answer('a.example');
  t.same(await again, ['192.0.2.1']);
});

t.test('names of one domain wait for each other, and for no other domain', async (t) => {
  const { ask, asked, answer, fail } = scripted(t);
  const shops = ['a', 'b', 'c', 'd', 'e', 'f'].map((label) => `${label}.shops.example.co.uk`);
  ask(...shops);
  t.same(asked, shops.slice(0, 4));
  ask('b.example', 'other.co.uk');
  t.same(asked.slice(4), ['b.example', 'other.co.uk']);
  answer(shops[1] ?? '');
  await until(() => asked.length === 7);
  fail(shops[0] ?? '');
  await until(() => asked.length === 8);
  t.same(asked.slice(6), shops.slice(4));
});

t.test('a name that got no turn in time is never asked for', async (t) => {
  const turnOn = await stillTimers(t);
  const { ask, find, asked, answer } = scripted(t, { timeoutMs: 30 });
  const names = ['a', 'b', 'c', 'd'].map((label) => `${label}.example.com`);
  ask(...names);
  const refused = t.rejects(find('e.example.com'), { code: 'ETIMEOUT' });
  await turnOn(30);
  await refused;
  answer('a.example.com');
  await settled();
  t.same(asked, names);
  await turnOn(1000);
  ask('e.example.com');
  t.same(asked, [...names, 'e.example.com']);
});

t.test('no more run at a time than allowed, whatever their domains', async (t) => {
  const { ask, asked, answer } = scripted(t, { maxConcurrent: 2 });
  ask('a.example', 'b.test', 'c.invalid', 'd.org');
  t.same(asked, ['a.example', 'b.test']);
  answer('b.test');
  await until(() => asked.length === 3);
  answer('a.example');
  await until(() => asked.length === 4);
  t.same(asked.slice(2), ['c.invalid', 'd.org']);
});

t.test('a crowd of names of one domain is not kept waiting without end', async (t) => {
  const { ask, find } = scripted(t);
  ask(...Array.from({ length: 1004 }, (_, i) => `n${i}.example.com`));
  await t.rejects(find('one-more.example.com'), { code: 'EAI_AGAIN' });
});
