import t, { type Test } from 'tap';
import { stillTimers } from '../support/timers.ts';
import { type Bounds, boundsOfMachine, sideBySide } from './side-by-side.ts';

const items = ['a', 'b', 'c', 'd', 'e', 'f'];

/** Items that end when they are told to. */
async function held(t: Test, hasRoom: Bounds['hasRoom']) {
  const turnOn = await stillTimers(t);
  const begun: string[] = [];
  const ends = new Map<string, () => void>();
  const ended = sideBySide(items, { least: 2, most: 3, hasRoom }, (item) => {
    begun.push(item);
    return new Promise((end) => ends.set(item, end));
  });
  const end = async (...some: string[]) => {
    for (const item of some) {
      ends.get(item)?.();
      await turnOn(0);
    }
  };
  return { begun, turnOn, end, ended };
}

t.test('runs the least at once if there is no room for more', async (t) => {
  const { begun, turnOn, end, ended } = await held(t, () => false);
  await turnOn(5000);
  t.same(begun, ['a', 'b']);
  await end('b');
  t.same(begun, ['a', 'b', 'c']);
  await end('a', 'c', 'd', 'e', 'f');
  await ended;
  t.same(begun, items);
});

t.test('runs one more each second while there is room, and no more than the most', async (t) => {
  let hasRoom = true;
  const { begun, turnOn, end, ended } = await held(t, () => hasRoom);
  t.same(begun, ['a', 'b']);
  await turnOn(1000);
  t.same(begun, ['a', 'b', 'c']);
  await turnOn(5000);
  t.same(begun, ['a', 'b', 'c'], 'the most');
  hasRoom = false;
  await end('c');
  t.same(begun, ['a', 'b', 'c'], 'as few as the least again');
  await end('a', 'b');
  t.same(begun, ['a', 'b', 'c', 'd', 'e']);
  hasRoom = true;
  await turnOn(1000);
  await end('d', 'e', 'f');
  await ended;
  t.same(begun, items);
});

t.test('the machine has room while its cores idle', async (t) => {
  const { least, most, hasRoom } = boundsOfMachine();
  t.ok(least > 0 && most > least);
  t.type(hasRoom(), 'boolean');
});
