import { createCipheriv, randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { sealSecret } from '../../../keyserver/at-rest/secret.ts';
import { putToken } from '../../../keyserver/operations/tokens.ts';
import { putType } from '../../../keyserver/operations/types.ts';
import { sealTokenRow } from '../../../shared/crypto/token-row.ts';
import type { Injection } from '../../../shared/policy/injection/schema.ts';
import type { Secrets } from '../../support/leaks.ts';
import { type PairState, plainPolicy } from '../../support/pair-state.ts';

/** A made-up secret with characters that every escaping changes; its core stands in `cores`, too. */
export function makeCanary(cores: Record<string, string>, name: string): string {
  const core = randomBytes(16).toString('hex');
  cores[`core of ${name}`] = core;
  return `made-up/${name}+"%\\& ${core}`;
}

export interface Planted {
  readonly secrets: Secrets;
  /** Settings under which KeyServer serves rows of the earlier system. */
  readonly legacySettings: Readonly<Record<string, string>>;
}

const injections: Readonly<Record<string, Injection>> = {
  headers: {
    scheme: 'headers',
    headers: { Authorization: 'Bearer {token}', 'X-Again': '{token}' },
  },
  query: { scheme: 'query', query: { key: '{token}' } },
  basic: { scheme: 'basic', username: 'user', password: '{token}' },
};
export const types = Object.keys(injections);

/**
 * Stores tokens for `shop-1` of every type, and rows that do not open for other clients: damaged,
 * without JSON inside, of another shape, with a line break, and of the earlier system, good and bad.
 */
export async function plant(
  { admin, folder, settings }: PairState,
  upstream: string,
): Promise<Planted> {
  const { store, keyring } = admin;
  const cores: Record<string, string> = {};
  const tokens: Record<string, string> = {};
  const make = (name: string) => {
    tokens[name] = makeCanary(cores, name);
    return tokens[name];
  };
  for (const [type, injection] of Object.entries(injections)) {
    await putType(admin, type, {
      ...plainPolicy(upstream),
      unsafeAllowPrivate: ['127.0.0.0/8', '::1/128'],
      injection,
    });
    const fields = { token: make(type) };
    await putToken(admin, { clientId: 'shop-1', tokenType: type, fields });
  }
  await putType(admin, 'down', plainPolicy('http://127.0.0.1:9'));
  await putToken(admin, { clientId: 'shop-1', tokenType: 'down', fields: { token: make('down') } });

  const context = (clientId: string) => ({ clientId, tokenType: 'headers' });
  const good = sealSecret(keyring, context('damaged'), { fields: { token: make('damaged') } });
  await store.putToken({ ...good, token: `${good.token.slice(0, -8)}AAAAAAAA` });
  const inside = {
    'no-json': `{"fields": {"token": "${make('no-json')}`,
    'other-shape': JSON.stringify({ fields: { token: { inner: make('other-shape') } } }),
  };
  for (const [clientId, text] of Object.entries(inside)) {
    const { primaryKid } = keyring;
    const token = sealTokenRow(primaryKid, keyring.primary('rows'), context(clientId), text);
    await store.putToken({ ...context(clientId), token });
  }
  const broken = { fields: { token: `${make('line-break')}\r\nX-Other: 1` } };
  await store.putToken(sealSecret(keyring, context('line-break'), broken));
  const unfilled = { fields: { other: make('unfilled') } };
  await store.putToken(sealSecret(keyring, context('unfilled'), unfilled));
  const ended = { fields: { token: make('expired') }, expiresAt: '2020-01-01T00:00:00.000Z' };
  await store.putToken(sealSecret(keyring, context('expired'), ended));

  const legacyKey = randomBytes(32);
  const legacyIv = randomBytes(16);
  const cipher = createCipheriv('aes-256-cbc', legacyKey, legacyIv);
  const row = Buffer.concat([cipher.update(make('legacy'), 'utf8'), cipher.final()]);
  await store.putToken({ ...context('legacy'), token: row.toString('base64') });
  await store.putToken({
    ...context('legacy-cut'),
    token: row.subarray(0, -16).toString('base64'),
  });
  const files = {
    AES_KEY_FILE: join(folder, 'key.bin'),
    AES_IV_FILE: join(folder, 'iv.bin'),
  };
  writeFileSync(files.AES_KEY_FILE, legacyKey, { mode: 0o600 });
  writeFileSync(files.AES_IV_FILE, legacyIv, { mode: 0o600 });
  return {
    secrets: { ...cores, ...tokens, ...keyFiles(settings), 'legacy key': legacyKey },
    legacySettings: { ...files, UNSAFE_LEGACY_ROWS: '1' },
  };
}

/** The at-rest key, and the middle of the RSA key's PEM. */
function keyFiles({ KEYRING_DIR = '', RSA_KEY_DIR = '' }: PairState['settings']): Secrets {
  const primary = (folder: string) => readFileSync(join(folder, 'primary'), 'utf8').trim();
  const pem = readFileSync(join(RSA_KEY_DIR, `${primary(RSA_KEY_DIR)}.pem`), 'utf8').split('\n');
  return {
    'at-rest key': readFileSync(join(KEYRING_DIR, `${primary(KEYRING_DIR)}.key`)),
    'RSA key': Buffer.from(pem[10] ?? '', 'base64'),
    'RSA key as PEM': pem[10] ?? '',
  };
}
