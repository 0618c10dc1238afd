import t from 'tap';
import { metricsRoute } from '../../../shared/http/metrics-route.ts';
import { stillTimers } from '../../support/timers.ts';
import { startApp } from '../app.ts';

t.test('an answer is at most a second old', async (t) => {
  const { app } = await startApp(t);
  let written = 0;
  metricsRoute(app, async () => {
    written += 1;
    return `calls ${written}\n`;
  });
  await app.ready();
  const turnOn = await stillTimers(t);
  const scraped = async () => (await app.inject('/metrics')).payload;
  t.equal(await scraped(), 'calls 1\n');
  await turnOn(999);
  t.equal(await scraped(), 'calls 1\n', 'one serves all scrapes of a second');
  await turnOn(1);
  t.equal(await scraped(), 'calls 2\n');
});

t.test('a scrape that failed is not remembered', async (t) => {
  const { app } = await startApp(t);
  let failures = 1;
  metricsRoute(app, async () => {
    failures -= 1;
    if (failures >= 0) throw new Error('a worker is late');
    return 'calls 1\n';
  });
  await app.ready();
  t.equal((await app.inject('/metrics')).statusCode, 500);
  t.equal((await app.inject('/metrics')).payload, 'calls 1\n');
});
