import { PassThrough, Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import type { ReadStream } from 'node:tty';
import t from 'tap';
import { hiddenLines } from '../../../../../keyserver/admin/shell/streams/hidden-lines.ts';

t.test('goes on to read after Ctrl-Z and fg', async (t) => {
  const terminal = Object.assign(new PassThrough(), { setRawMode: () => {} });
  const kill = t.capture(process, 'kill', () => true);
  const read = text(Readable.from(hiddenLines(terminal as unknown as ReadStream, () => {})));
  terminal.write('made-\x1a');
  await new Promise(setImmediate);
  t.match(kill.args(), [[process.pid, 'SIGTSTP']]);
  process.emit('SIGCONT');
  t.equal(terminal.isPaused(), false);
  terminal.write('up\r\x04');
  t.equal(await read, 'made-up\n');
});
