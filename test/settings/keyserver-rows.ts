import { createCipheriv, randomBytes } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { KeyserverConfig } from '../../keyserver/config.ts';
import { loadRsaKeys } from '../../keyserver/keys/rsa-keys.ts';
import { rsaPem, writeKeyFolder } from '../support/key-folders.ts';
import { tokenType } from '../support/pair-state.ts';
import { pollUntil } from '../support/poll-until.ts';
import { callsMax, databaseRows } from './database-rows.ts';
import { keyserverSettingsIn, startKeyserver, startScene } from './keyserver-scene.ts';
import { listenerRows, type Subject } from './listener-rows.ts';
import { newFolder } from './service.ts';
import { once, type Row } from './table.ts';

const keyserver: Subject = {
  name: 'keyserver',
  settings: (t) => keyserverSettingsIn(newFolder(t)),
  start: startKeyserver,
  callPath: '/',
  callHeader: 'Accept: */*',
};

const legacyRows: Row = once(async (t) => {
  const [key, iv] = [randomBytes(32), randomBytes(16)];
  const folder = writeKeyFolder(newFolder(t, 'legacy'), { 'key.bin': key, 'iv.bin': iv });
  const files = { AES_KEY_FILE: join(folder, 'key.bin'), AES_IV_FILE: join(folder, 'iv.bin') };
  const cipher = createCipheriv('aes-256-cbc', key, iv);
  const token = Buffer.concat([cipher.update('of the earlier system'), cipher.final()]);
  for (const [unsafe, problem, release] of [
    ['1', {}, { fields: { token: 'of the earlier system' } }],
    ['0', { code: 'integrity_failed' }, {}],
  ] as const) {
    const scene = await startScene(t, { ...files, UNSAFE_LEGACY_ROWS: unsafe });
    const row = { clientId: 'shop-1', tokenType, token: token.toString('base64') };
    await scene.state.admin.store.putToken(row);
    t.match(await scene.ask(), { problem, release });
    t.equal(scene.warnings.length, Number(unsafe));
  }
});

/** Rows of KeyServer's settings. */
export const keyserverRows: Readonly<Record<keyof KeyserverConfig, Row>> = {
  ...listenerRows(keyserver, callsMax),
  ...databaseRows,

  KEYRING_DIR: async (t) => {
    // The token was sealed by a key of this folder.
    t.match(await (await startScene(t)).ask(), { status: 200 });
  },

  RSA_KEY_DIR: async (t) => {
    const folder = writeKeyFolder(newFolder(t, 'rsa'), { 'other.pem': rsaPem() });
    const { url } = await startKeyserver(t, { RSA_KEY_DIR: folder });
    const { primary } = await loadRsaKeys(folder);
    const answer = await fetch(`${url}/public_key`);
    t.match(await answer.json(), { keyId: primary.keyId, public_key: primary.publicKeyPem });
  },

  GENERATE_KEYS: async (t) => {
    const folders = { KEYRING_DIR: newFolder(t, 'keyring'), RSA_KEY_DIR: newFolder(t, 'rsa') };
    await t.rejects(startKeyserver(t, { ...folders, GENERATE_KEYS: '0' }), {
      message: /KEYRING_DIR.*RSA_KEY_DIR/s,
    });
    const { url } = await startKeyserver(t, { ...folders, GENERATE_KEYS: '1' });
    await pollUntil(
      'it is ready',
      async () => (await fetch(`${url}/readyz`)).status,
      (status) => status === 200,
    );
    for (const folder of Object.values(folders)) {
      t.match(readdirSync(folder).sort(), [/\.(?:key|pem)$/, 'primary']);
    }
  },

  AES_KEY_FILE: legacyRows,
  AES_IV_FILE: legacyRows,
  UNSAFE_LEGACY_ROWS: legacyRows,
};
