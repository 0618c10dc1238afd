import t from 'tap';
import { ProxyProcesses } from '../../../keyserver/registry/proxy-processes.ts';
import { testClock } from '../../support/clock.ts';

t.test('counts a process until it has been silent for ten seconds', async (t) => {
  const clock = testClock();
  const processes = new ProxyProcesses(clock);
  t.equal(processes.count, 0);
  processes.note('a');
  processes.note('b');
  processes.note('a');
  t.equal(processes.count, 2);
  clock.advance(9_999);
  processes.note('a');
  t.equal(processes.count, 2);
  clock.advance(1);
  t.same([processes.count, processes.here], [1, ['a']]);
});

t.test('counts a process once that several KeyServers hear of', async (t) => {
  const processes = new ProxyProcesses(testClock());
  processes.note('a');
  processes.learn(['a', 'b']);
  t.equal(processes.count, 2);
  t.same(processes.here, ['a']);
  processes.learn([]);
  t.equal(processes.count, 1);
});

t.test('keeps the latest 256, whatever a proxy tells', async (t) => {
  const processes = new ProxyProcesses(testClock());
  for (let i = 0; i < 1000; i += 1) processes.note(`p${i}`);
  t.equal(processes.count, 256);
  t.same(processes.here[0], 'p744');
  processes.learn(Array.from({ length: 1000 }, (_, i) => `q${i}`));
  t.equal(processes.count, 512);
});
