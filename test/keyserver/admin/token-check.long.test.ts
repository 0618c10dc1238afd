import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { makeCallerKey } from '../../../shared/crypto/caller-key.ts';
import { runToolHere } from '../../support/tool-here.ts';
import { startUpstream } from '../../support/upstream.ts';

t.setTimeout(120_000);

t.test('token check leaves a server that says nothing', async (t) => {
  const folder = t.testdir();
  const silent = await startUpstream(t);
  silent.script(() => undefined);
  writeFileSync(join(folder, 'app.key'), makeCallerKey('spk_'), { mode: 0o600 });
  const { code, written } = await runToolHere({
    args: [
      ...['token', 'check', 'shop-1', 'ozon', '--key-file', 'app.key'],
      ...['--proxy', `http://127.0.0.1:${silent.port}`],
    ],
    ...{ environment: {}, folder, stdin: new Uint8Array() },
  });
  t.equal(code, 1);
  t.match(written.map(({ text }) => text).join(''), /does not answer \(TimeoutError\)/);
});
