import t from 'tap';
import { type RunningCall, RunningCalls } from '../../../secureproxy/call/running-calls.ts';

t.test(
  'slots of ended calls are used again, so the list is as long as calls ran at once',
  async (t) => {
    const running = new RunningCalls();
    let judged = 0;
    const call: RunningCall = {
      isCurrent: () => false,
      judgeAgain: async () => {
        judged += 1;
      },
      cut: () => undefined,
    };
    const slots = [running.add(call), running.add(call)];
    for (let i = 0; i < 10; i++) {
      running.remove(slots[i % 2] ?? 0);
      slots[i % 2] = running.add(call);
    }
    t.same(slots.sort(), [0, 1]);
    await running.check();
    t.equal(judged, 2);
    running.remove(0);
    await running.check();
    t.equal(judged, 3, 'the one that still runs');
  },
);
