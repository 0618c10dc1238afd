import t from 'tap';
import { Deadline } from '../../../secureproxy/upstream/deadline.ts';
import { stillTimers } from '../../support/timers.ts';
import { until } from '../../support/until.ts';

/** Deadlines by name, and the names of those that expired, in order. */
function watched(leftMs: Readonly<Record<string, number>>) {
  const expired: string[] = [];
  const deadlines = Object.entries(leftMs).map(([name, ms]) => {
    const deadline = new Deadline(ms);
    deadline.begin('answer', () => expired.push(name));
    return [name, deadline] as const;
  });
  return { expired, deadlines: Object.fromEntries(deadlines) };
}

t.test('deadlines expire by their own times, whichever was made first', async (t) => {
  const turnOn = await stillTimers(t);
  let now = performance.now();
  t.intercept(performance, 'now', { value: () => now });
  const { expired, deadlines } = watched({ late: 60, never: 60_000, soon: 20, middle: 40, now: 0 });
  t.same(expired, ['now']);
  for (let i = 0; i < 6; i += 1) {
    now += 10;
    await turnOn(10);
  }
  t.same(expired, ['now', 'soon', 'middle', 'late']);
  for (const deadline of Object.values(deadlines)) deadline.end();
});

t.test('an ended deadline does not expire, and one made in its place does', async (t) => {
  const { expired, deadlines } = watched({ ended: 20 });
  deadlines.ended?.end();
  deadlines.ended?.end();
  const next = watched({ one: 30, other: 30 });
  await until(() => next.expired.length === 2);
  t.same([expired, next.expired.sort()], [[], ['one', 'other']]);
  for (const deadline of Object.values(next.deadlines)) deadline.end();
});

t.test('a wait that begins after the time is up is told at once', async (t) => {
  const deadline = new Deadline(10);
  await until(() => deadline.isExpired);
  let reason: string | undefined;
  deadline.begin('connection', (error) => {
    reason = error.options.reason;
  });
  t.equal(reason, 'request_timeout', 'that of the wait during which it was up');
  deadline.end();
});
