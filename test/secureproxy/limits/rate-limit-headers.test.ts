import t from 'tap';
import { signalOf } from '../../../secureproxy/limits/rate-limit-headers.ts';

const now = Date.parse('2026-11-28T10:00:00Z');
const after = (seconds: number) => new Date(now + seconds * 1000);

t.test(
  'Retry-After is read in all its forms, and so are the headers of marketplaces',
  async (t) => {
    const forms: readonly (readonly [object, number])[] = [
      [{ 'retry-after': '7' }, 7000],
      [{ 'retry-after': '2.0' }, 2000],
      [{ 'retry-after': ' 0 ' }, 0],
      [{ 'retry-after': after(30).toUTCString() }, 30_000],
      [{ 'retry-after': 'Saturday, 28-Nov-26 10:00:30 GMT' }, 30_000],
      [{ 'retry-after': 'Sat Nov 28 10:00:30 2026' }, 30_000],
      [{ 'retry-after': after(-30).toUTCString() }, 0],
      [{ 'retry-after-ms': '250' }, 250],
      [{ 'x-ratelimit-retry': '12' }, 12_000],
      [{ 'x-ratelimit-resource-until': 'Sat, 28 Nov 2026 10:01:00 GMT' }, 60_000],
      [{ 'x-ratelimit-resource-until': 'Sat, 28 Nov 2026 13:01:00 +0300' }, 60_000],
      [{ 'x-ratelimit-reset': '5' }, 5000],
      [{ 'x-ratelimit-reset': String(now / 1000 + 40) }, 40_000],
      [{ 'x-ratelimit-reset': String(now + 41_000) }, 41_000],
      [{ 'x-next-replenishment-time': '2026-11-28T10:00:09Z' }, 9000],
      [{ ratelimit: '"a";r=5;t=100, "b";r=0;t=20' }, 20_000],
      // By the marketplace's own clock, which is a minute ahead.
      [{ date: after(60).toUTCString(), 'retry-after': after(90).toUTCString() }, 30_000],
      // Nothing that could be read.
      [{}, 1000],
      [{ 'retry-after': 'soon' }, 1000],
      [{ 'retry-after': '-5' }, 1000],
      [{ 'retry-after': '' }, 1000],
      [{ 'retry-after': 'Infinity' }, 1000],
      [{ 'retry-after': 'May be' }, 1000],
    ];
    for (const [headers, wait] of forms) {
      t.equal(signalOf({}, 429, { ...headers }, now), wait, JSON.stringify(headers));
      t.equal(signalOf({}, 420, { ...headers }, now), wait);
    }
  },
);

t.test('it is capped, by default at five minutes', async (t) => {
  t.equal(signalOf({}, 429, { 'retry-after': '999999999' }, now), 300_000);
  t.equal(signalOf({ maxSeconds: 20 }, 429, { 'retry-after': '60' }, now), 20_000);
  t.equal(signalOf({ maxSeconds: 86_400 }, 429, { 'retry-after': '3600' }, now), 3_600_000);
});

t.test('other answers say nothing, unless a budget is empty', async (t) => {
  t.equal(signalOf({}, 200, { 'retry-after': '7' }, now), undefined);
  t.equal(signalOf({}, 503, { 'retry-after': '7' }, now), undefined);
  t.equal(signalOf({ statuses: [403] }, 403, { 'retry-after': '7' }, now), 7000);
  t.equal(signalOf({ statuses: [403] }, 429, { 'retry-after': '7' }, now), undefined);
  t.equal(signalOf({}, 200, { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': '3' }, now), 3000);
  t.equal(
    signalOf({}, 200, { 'x-ratelimit-remaining': '1', 'x-ratelimit-reset': '3' }, now),
    undefined,
  );
  t.equal(signalOf({}, 200, { 'x-ratelimit-remaining': '0' }, now), undefined);
  t.equal(signalOf({}, 200, { ratelimit: '"day";r=0;t=30' }, now), 30_000);
  t.equal(signalOf({}, 200, { ratelimit: '"day";r=9;t=30' }, now), undefined);
});
