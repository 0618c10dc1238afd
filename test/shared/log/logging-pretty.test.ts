import t from 'tap';
import { createLogger } from '../../../shared/log/logging.ts';
import { prettyLines } from '../../../shared/log/pretty-log.ts';

/** A logger as in a terminal, whose text is kept. */
function prettyLog(colorize: boolean) {
  const written: string[] = [];
  const output = { write: (text: string) => void written.push(text) };
  const logger = createLogger('test', 'trace', prettyLines(output, { colorize }));
  return { logger, text: () => written.join('') };
}

t.test('a line is readable: time, level, message, fields', async (t) => {
  const { logger, text } = prettyLog(false);
  logger.warn({ client: 'Магазин "1"', duration_ms: 1.5 }, 'request');
  t.match(
    text(),
    /^\[\d\d:\d\d:\d\d\.\d{3}\] WARN: request \{.*"client":"Магазин \\"1\\"","duration_ms":1\.5\}\n$/,
  );
});

t.test('colours are ours alone', async (t) => {
  const { logger, text } = prettyLog(true);
  const esc = '\u001b';
  logger.error({ client: `${esc}[2Jcleared`, err: new Error(`${esc}[2Jcleared`) }, 'said');
  t.ok(text().includes(`${esc}[`));
  t.notOk(text().includes(`${esc}[2J`));
  t.match(text(), '\\u001b[2Jcleared');
});

t.test('nothing moves the cursor or turns text around', async (t) => {
  const { logger, text } = prettyLog(false);
  const controls = [
    '\b',
    '\r',
    '\u0000',
    '\u001b',
    '\u007f',
    '\u009b',
    '\u2028',
    '\u202e',
    '\u2066',
  ];
  for (const character of controls) {
    logger.error(
      {
        client: `a${character}b`,
        err: new Error(`c${character}d`, { cause: new Error(`e${character}f`) }),
      },
      `g${character}h`,
    );
  }
  t.notMatch(text().replaceAll('\n', ''), /[\p{C}\p{Zl}\p{Zp}]/u);
  t.match(text(), 'a\\u202eb');
  t.match(text(), /g\\u001bh/);
});

t.test('the stack of an error and of its cause can be read', async (t) => {
  const { logger, text } = prettyLog(false);
  logger.error({ err: new Error('outer', { cause: new TypeError('inner') }) }, 'request failed');
  t.match(text(), /^ +Error: outer\n +at /m);
  t.match(text(), /^ +TypeError: inner\n +at /m);
});
