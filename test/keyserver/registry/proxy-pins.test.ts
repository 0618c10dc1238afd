import t from 'tap';
import { ProxyPins } from '../../../keyserver/registry/proxy-pins.ts';
import { testClock } from '../../support/clock.ts';

t.test('names the proxies that would reject a key', (t) => {
  const pins = new ProxyPins(testClock());
  t.same(pins.rejecting(['old', 'next']), {});
  pins.note('anything', []);
  pins.note('ready', ['old', 'next']);
  t.same(pins.rejecting(['old', 'next']), {});
  pins.note('late', ['old']);
  pins.note('early', ['next']);
  t.same(pins.rejecting(['old', 'next']), { old: ['early'], next: ['late'] });
  t.same(pins.rejecting([]), {});
  t.end();
});

t.test('counts each process of a proxy, until it has been silent for 30 seconds', (t) => {
  const clock = testClock();
  const pins = new ProxyPins(clock);
  pins.note('edge', ['old']);
  clock.advance(20_000);
  pins.note('edge', ['next', 'old']);
  t.same(pins.rejecting(['next']), { next: ['edge'] }, 'one is not restarted yet');
  clock.advance(10_000);
  t.same(pins.rejecting(['next']), { next: ['edge'] });
  clock.advance(1);
  t.same(pins.rejecting(['next']), {});
  t.same(pins.rejecting(['other']), { other: ['edge'] });
  pins.note('edge', ['old', 'next']);
  clock.advance(30_001);
  t.same(pins.rejecting(['other']), {});
  t.end();
});

t.test('keeps and names a bounded number', (t) => {
  const pins = new ProxyPins(testClock());
  for (let n = 0; n < 17; n++) pins.note('edge', [`pin-${n}`]);
  t.same(pins.rejecting(['pin-0', 'pin-16']), { 'pin-0': ['edge'], 'pin-16': ['edge'] });
  for (let n = 0; n < 16; n++) pins.note('edge', ['next', `pin-${n}`]);
  t.same(pins.rejecting(['next']), {}, 'the older ones are forgotten');
  for (let n = 10; n < 30; n++) pins.note(`proxy-${n}`, ['old']);
  t.equal(pins.rejecting(['next']).next?.length, 10);
  t.end();
});
