import t from 'tap';
import { describeError, logPlain } from '../../../shared/log/logging.ts';
import { nameFault } from '../../../shared/names.ts';
import { capturedLog } from '../../support/log.ts';

t.test('a line is JSON with level, time and service', async (t) => {
  const { logger, lines, text } = capturedLog('test-service');
  logger.warn({ port: 1 }, 'said');
  t.match(lines(), [{ level: 'warn', 'service.name': 'test-service', port: 1, msg: 'said' }]);
  t.match(lines()[0]?.time, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  t.notMatch(text(), /"(?:pid|hostname)"/);
});

t.test('keeps to its level', async (t) => {
  const { logger, lines } = capturedLog('test', 'warn');
  logger.info('below');
  logger.error('above');
  t.same(
    lines().map(({ msg }) => msg),
    ['above'],
  );
});

t.test('a plain entry is the line that the logger would write', async (t) => {
  const { logger, text } = capturedLog('test', 'info');
  const child = logger.child({ 'process.pid': 1, '"': '\u202e' });
  const fields = {
    text: 'a"\\\n\u0000é\u202e\u{1f600}',
    number: 1.5,
    none: undefined,
    more: [Infinity],
  };
  for (const one of [logger, child]) {
    one.info(fields, 'said "so"');
    logPlain(one, 'info', fields, 'said "so"');
    logPlain(one, 'debug', fields, 'below the level');
  }
  const lines = text()
    .replace(/"time":"[^"]*"/g, '')
    .split('\n');
  t.equal(lines.length, 5);
  t.equal(lines[1], lines[0]);
  t.equal(lines[3], lines[2]);
  t.match(lines[3], /\\u202e.*\\u202e/, 'no line has a character that reorders text');
});

t.test('an error is shown by known members only, causes too', async (t) => {
  const cause = Object.assign(new TypeError('inner'), { code: 'E_INNER', body: 'hidden-value' });
  const error = Object.assign(new Error('outer', { cause }), {
    request: { headers: { authorization: 'hidden-value' } },
    config: 'hidden-value',
  });
  const { logger, lines, text } = capturedLog('test');
  logger.error({ err: error }, 'failed');
  t.match(lines()[0]?.err, {
    type: 'Error',
    message: 'outer',
    stack: /^Error: outer\n/,
    cause: { type: 'TypeError', code: 'E_INNER', message: 'inner' },
  });
  t.same(Object.keys(describeError(error)).sort(), ['cause', 'message', 'stack', 'type']);
  t.notMatch(text(), 'hidden-value');
});

t.test('what is no error is not shown', async (t) => {
  for (const thrown of ['hidden-value', { secret: 'hidden-value' }, undefined, null, 1]) {
    t.same(describeError(thrown), { type: typeof thrown, message: 'not an Error' });
  }
  const { cause } = describeError(new Error('outer', { cause: 'hidden-value' }));
  t.same(cause, { type: 'string', message: 'not an Error' });
});

t.test('causes that go round, or on and on, are cut off', async (t) => {
  const round: Error & { cause?: unknown } = new Error('round');
  round.cause = new Error('and', { cause: round });
  const { logger, lines } = capturedLog('test');
  logger.error({ err: round }, 'failed');
  t.match(lines()[0], { err: { message: 'round', cause: { message: 'and' } } });
  let deep = new Error('0');
  for (let i = 1; i < 100_000; i++) deep = new Error(String(i), { cause: deep });
  logger.error({ err: deep }, 'failed');
  t.equal(lines().length, 2);
});

/** Every character that may not stand in a name, and some more that do not show. */
const invisible = [
  ...Array.from({ length: 0x3000 }, (_, i) => String.fromCharCode(i)).filter(
    (character) => nameFault(character) !== undefined,
  ),
  '\u00ad',
  '\u061c',
  '\u200b',
  '\u200f',
  '\ufeff',
  '\u{e0041}',
];

t.test(
  'what steers a terminal or turns text around is escaped, and parses to the same',
  async (t) => {
    const { logger, lines, text } = capturedLog('test');
    t.ok(invisible.length > 70);
    for (const character of invisible) {
      logger.warn({ client: `a${character}b`, err: new Error(`c${character}d`) }, `e${character}f`);
    }
    t.notMatch(text().replaceAll('\n', ''), /[\p{C}\p{Zl}\p{Zp}]/u);
    t.same(
      lines().map(({ client }) => client),
      invisible.map((character) => `a${character}b`),
    );
  },
);

t.test('letters of any language and marks that show are left as they are', async (t) => {
  const { logger, text } = capturedLog('test');
  logger.info({ client: 'Магазин № 1 – 店 חנות é ñ 🛒 \\u202e "' });
  t.match(text(), '"client":"Магазин № 1 – 店 חנות é ñ 🛒 \\\\u202e \\""');
});
