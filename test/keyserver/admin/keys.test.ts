import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { loadRsaKeys } from '../../../keyserver/keys/rsa-keys.ts';
import { rsaPem, writeKeyFolder } from '../../support/key-folders.ts';
import { install } from './installation.ts';

t.test('an RSA key is promoted only by somebody who says that proxies pin it', async (t) => {
  const admin = await install(t);
  const folder = writeKeyFolder(
    join(admin.folder, 'rsa'),
    { 'a.pem': rsaPem(), 'b.pem': rsaPem() },
    'a',
  );
  const environment = { RSA_KEY_DIR: folder };
  const promote = (name: string) => ['keys', 'promote', name, '--rsa', '--replicas', '1'];
  const asked = await admin.failure(promote('b'), { environment });
  t.same([asked.exit, asked.code], [2, 'confirmation_required']);
  t.match(asked.message, (await loadRsaKeys(folder)).names.get('b'), 'its id is shown');
  const no = await admin.run(promote('b'), { environment, stdinIsTerminal: true, stdin: 'n\n' });
  t.equal(no.code, asked.exit);
  t.equal(readFileSync(join(folder, 'primary'), 'utf8').trim(), 'a');
  t.match(await admin.failure(promote('c'), { environment }), { code: 'input_invalid' });
});
