import t from 'tap';
import { LogOutput, logOutput } from '../../local/log-output.ts';
import { prettyLines } from '../../shared/log/pretty-log.ts';

/** An output whose text is kept. */
function keptOutput() {
  const written: string[] = [];
  const terminal = { write: (text: string) => void written.push(text) };
  const pretty = prettyLines(terminal, { colorize: false });
  if (pretty === undefined) throw new Error('pino-pretty is not installed');
  return { output: new LogOutput(terminal, pretty), text: () => written.join('') };
}

t.test('lines are made readable, however they are cut', async (t) => {
  const bytes = Buffer.from(
    '{"level":"info","time":"2026-01-02T03:04:05.678Z","client":"Магазин","msg":"request"}\n',
  );
  for (let at = 0; at <= bytes.length; at++) {
    const { output, text } = keptOutput();
    output.write(bytes.subarray(0, at));
    output.write(bytes.subarray(at));
    t.match(text(), /^\[.*\] INFO: request \{"client":"Магазин"\}\n$/, `cut at ${at}`);
  }
});

t.test('what is no JSON is shown as it is, but steers nothing', async (t) => {
  const { output, text } = keptOutput();
  output.write('Error: crash\n    at x\u001b[2J\n{"level":"warn","msg":"said"}\nunfinished');
  t.match(text(), /^Error: crash\n {4}at x\\u001b\[2J\n.*WARN.*: said\n$/);
});

t.test('where there is no terminal, output goes on as it came', async (t) => {
  const stdout = { isTTY: false } as NodeJS.WriteStream;
  t.equal(logOutput(stdout), stdout);
});
