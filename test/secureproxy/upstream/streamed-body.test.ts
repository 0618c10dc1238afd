import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import t from 'tap';
import { StreamedKeyWatch } from '../../../secureproxy/http/body-watch.ts';
import { StreamedBody } from '../../../secureproxy/upstream/streamed-body.ts';

t.test('an error that undici does not listen to harms nothing', async (t) => {
  const body = new StreamedBody(new IncomingMessage(new Socket()), new StreamedKeyWatch());
  const opened = body.open();
  opened.destroy(new Error('no longer wanted'));
  await new Promise((resolve) => opened.once('close', resolve));
  t.ok(opened.errored);
});
