import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import type { Lookup } from '../../../secureproxy/guard/lookup.ts';
import {
  type SharedLookupOptions,
  sharedLookup,
} from '../../../secureproxy/guard/shared-lookup.ts';
import { until } from '../../support/until.ts';

/** Look-ups that end when the test says so. */
function scripted(options: Partial<SharedLookupOptions> = {}) {
  const asked: string[] = [];
  const open = new Map<string, PromiseWithResolvers<readonly string[]>>();
  const lookup: Lookup = (name) => {
    asked.push(name);
    const answer = Promise.withResolvers<readonly string[]>();
    open.set(name, answer);
    return answer.promise;
  };
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
  const { find, asked, answer } = scripted();
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
  const { find, asked, fail, answer } = scripted();
  const first = find('a.example');
  fail('a.example');
  await t.rejects(first, { message: 'a.example' });
  await t.rejects(find('a.example'), { message: 'a.example' });
  t.equal(asked.length, 1);
  await until(() => {
    find('a.example').catch(() => undefined);
    return asked.length === 2;
  });
  const later = find('a.example');
  answer('a.example');
  t.same(await later, ['192.0.2.1']);
});

t.test('a name that is not answered fails at once until its look-up has ended', async (t) => {
  const { find, asked, answer } = scripted({ timeoutMs: 20 });
  const timedOut = { code: 'ETIMEOUT', message: 'a.example: no answer' };
  await t.rejects(find('a.example'), timedOut);
  // Longer than failures are remembered: getaddrinfo may take far longer.
  await sleep(1100);
  await t.rejects(find('a.example'), timedOut);
  t.equal(asked.length, 1);
  answer('a.example');
  await sleep(0);
  const again = find('a.example');
  answer('a.example');
  t.same(await again, ['192.0.2.1']);
});

t.test('names of one domain wait for each other, and for no other domain', async (t) => {
  const { ask, asked, answer, fail } = scripted();
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
  const { ask, find, asked, answer } = scripted({ timeoutMs: 30 });
  const names = ['a', 'b', 'c', 'd'].map((label) => `${label}.example.com`);
  ask(...names);
  await t.rejects(find('e.example.com'), { code: 'ETIMEOUT' });
  answer('a.example.com');
  await sleep(0);
  t.same(asked, names);
  await sleep(1100);
  ask('e.example.com');
  t.same(asked, [...names, 'e.example.com']);
});

t.test('no more run at a time than allowed, whatever their domains', async (t) => {
  const { ask, asked, answer } = scripted({ maxConcurrent: 2 });
  ask('a.example', 'b.test', 'c.invalid', 'd.org');
  t.same(asked, ['a.example', 'b.test']);
  answer('b.test');
  await until(() => asked.length === 3);
  answer('a.example');
  await until(() => asked.length === 4);
  t.same(asked.slice(2), ['c.invalid', 'd.org']);
});

t.test('a crowd of names of one domain is not kept waiting without end', async (t) => {
  const { ask, find } = scripted();
  ask(...Array.from({ length: 1004 }, (_, i) => `n${i}.example.com`));
  await t.rejects(find('one-more.example.com'), { code: 'EAI_AGAIN' });
});
