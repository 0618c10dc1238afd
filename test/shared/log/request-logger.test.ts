import t from 'tap';
import { RequestLogger } from '../../../shared/log/request-logger.ts';
import { capturedLog } from '../../support/log.ts';

t.test('logs at every level with the ids of its request', async (t) => {
  const { logger, lines } = capturedLog('test');
  const log = new RequestLogger(logger, () => ({ request_id: 'r1' }));
  const levels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal'] as const;
  for (const level of levels) log[level]({ app: 'a' }, `said at ${level}`);
  log.silent('not said');
  log.child({ client: 'c' }).info('by a child');
  t.match(lines(), [
    ...levels.map((level) => ({ level, app: 'a', request_id: 'r1', msg: `said at ${level}` })),
    { level: 'info', client: 'c', request_id: 'r1', msg: 'by a child' },
  ]);
  t.equal(log.level, logger.level);
});

t.test('asks for the ids once, and not before something is said', async (t) => {
  const { logger, lines } = capturedLog('test');
  let asked = 0;
  const log = new RequestLogger(logger, () => {
    asked += 1;
    return { request_id: 'r1' };
  });
  t.equal(asked, 0);
  log.info('one');
  log.info('two');
  t.equal(asked, 1);
  t.equal(lines().length, 2);
});
