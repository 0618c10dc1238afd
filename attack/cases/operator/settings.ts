import { randomBytes } from 'node:crypto';
import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeCallerKey } from '../../../shared/crypto/caller-key.ts';
import type { Environment } from '../../../shared/settings/config.ts';
import { writeIdentity } from '../../../test/support/identity-files.ts';
import { ownOf } from '../../scene/attack.ts';
import type { Mistake, Place } from '../../scene/mistake.ts';

const secret = `made-up-secret-${randomBytes(18).toString('base64url')}`;

/** Settings that KeyServer must reject. */
const keyserver = (environment: Environment, says: RegExp): Mistake => ({
  make: () => environment,
  says,
  secrets: { secret },
});

/** Likewise SecureProxy. */
const secureproxy = (environment: Environment, says: RegExp): Mistake => ({
  ...keyserver(environment, says),
  main: 'secureproxy/main.ts',
});

/** A command of the tool with a secret among its arguments. */
const admin = (...args: string[]): Mistake => ({
  main: 'keyserver/admin/main.ts',
  args,
  make: () => ({}),
  says: /--help|stdin|--file/,
  code: 2,
  secrets: { secret },
});

/** Writes a certificate and its key; returns the settings that name them. */
async function identityAt({ scene, folder }: Place) {
  const identity = await ownOf(scene).issue();
  const { cert, key } = writeIdentity(folder, identity);
  return { TLS_CERT_FILE: cert, TLS_KEY_FILE: key };
}

const put = ['token', 'put', '--client', 'shop-1', '--type', 'market'];
const mistypedKey = `${makeCallerKey('spx_').slice(0, -6)}000000`;
const appKey = makeCallerKey('spk_');
const elsewhere = 'http://192.0.2.1:5001';

/** Invalid settings, and secrets in arguments. */
export const settingMistakes: Readonly<Record<string, Mistake>> = {
  'a setting of another type, beside a password': keyserver(
    { PORT: 'http', DB_PASSWORD: secret },
    /PORT must be integer/,
  ),
  'a setting under a mistyped name': keyserver(
    { KEYRING_DIR: '', KEYRING_DIRS: 'keyring' },
    /KEYRING_DIRS is not a setting: is KEYRING_DIR meant/,
  ),
  'two databases': keyserver({ DB_HOST: 'db.example' }, /DB_HOST and DB_FILE are both set/),
  'a password in two places': keyserver(
    { DB_PASSWORD: secret, DB_PASSWORD_FILE: '/nowhere' },
    /DB_PASSWORD and DB_PASSWORD_FILE are both set/,
  ),
  "a password's file that is missing": keyserver(
    { DB_PASSWORD_FILE: '/nowhere' },
    /DB_PASSWORD_FILE: cannot read \/nowhere/,
  ),
  'unauthenticated rows without their key': keyserver(
    { UNSAFE_LEGACY_ROWS: '1' },
    /UNSAFE_LEGACY_ROWS needs AES_KEY_FILE/,
  ),
  'SQL in the name of the table': keyserver(
    { DB_TOKEN_TABLE: 'storage; DROP TABLE storage' },
    /DB_TOKEN_TABLE/,
  ),
  'a port in use': {
    make: ({ scene }) => ({ PORT: new URL(ownOf(scene).keyserver).port }),
    says: /port \d+ is in use/,
  },
  'a TLS key that others can read': {
    make: async (place) => {
      const settings = await identityAt(place);
      chmodSync(settings.TLS_KEY_FILE, 0o644);
      return settings;
    },
    says: /tls\.key can be read by others: run chmod/,
  },
  'the TLS key of another certificate': {
    make: async (place) => {
      const settings = await identityAt(place);
      const { key } = await ownOf(place.scene).issue();
      writeFileSync(settings.TLS_KEY_FILE, key);
      return settings;
    },
    says: /is not the key of the certificate/,
  },
  'a TLS certificate without its key': keyserver(
    { TLS_CERT_FILE: 'tls.crt' },
    /TLS_CERT_FILE and TLS_KEY_FILE must be set together/,
  ),
  'a public key over plain http, without pins': secureproxy(
    { PUBLIC_KEY_URL: `${elsewhere}/public_key`, TOKEN_REQUEST_URL: elsewhere },
    /PUBLIC_KEY_URL is plain http to another machine/,
  ),
  'a proxy key that is mistyped': {
    ...secureproxy({ PROXY_KEY: mistypedKey }, /PROXY_KEY is mistyped or cut short/),
    secrets: { mistypedKey },
  },
  "an app's key for the proxy's": {
    ...secureproxy({ PROXY_KEY: appKey }, /PROXY_KEY must match pattern/),
    secrets: { appKey },
  },
  'a proxy key in two places': secureproxy(
    { PROXY_KEY_FILE: '/nowhere' },
    /PROXY_KEY and PROXY_KEY_FILE are both set/,
  ),
  'a proxy key that others can write': {
    main: 'secureproxy/main.ts',
    make: ({ folder }) => {
      const file = join(folder, 'proxy.key');
      writeFileSync(file, mistypedKey);
      chmodSync(file, 0o666);
      return { PROXY_KEY: '', PROXY_KEY_FILE: file };
    },
    says: /PROXY_KEY_FILE: .* can be written by others: run chmod/,
    secrets: { mistypedKey },
  },
  'a CA file that is missing': secureproxy(
    { UPSTREAM_CA_FILE: '/nowhere' },
    /UPSTREAM_CA_FILE: cannot read \/nowhere/,
  ),
  'a name for a name server': secureproxy(
    { UPSTREAM_DNS_SERVERS: 'dns.example' },
    /UPSTREAM_DNS_SERVERS must list IP addresses/,
  ),
  'releases kept for a day': secureproxy(
    { TOKEN_CACHE_SECONDS: '86400' },
    /TOKEN_CACHE_SECONDS must be <= 5/,
  ),
  'client certificates asked for without TLS': secureproxy(
    { TLS_CLIENT_CA_FILE: 'ca.crt' },
    /TLS_CLIENT_CA_FILE needs TLS_CERT_FILE/,
  ),
  "a key for KeyServer's TLS that others can read": {
    main: 'secureproxy/main.ts',
    make: async (place) => {
      const { TLS_CERT_FILE, TLS_KEY_FILE } = await identityAt(place);
      chmodSync(TLS_KEY_FILE, 0o644);
      return {
        PUBLIC_KEY_URL: 'https://127.0.0.1:1/public_key',
        TOKEN_REQUEST_URL: 'https://127.0.0.1:1/',
        KEYSERVER_CLIENT_CERT_FILE: TLS_CERT_FILE,
        KEYSERVER_CLIENT_KEY_FILE: TLS_KEY_FILE,
      };
    },
    says: /tls\.key can be read by others: run chmod/,
  },
  'a token as an argument': admin(...put, secret),
  'a token by --token': admin(...put, '--token', secret),
  'a token by --secret=': admin(...put, `--secret=${secret}`),
  "a token for a file's name": admin(...put, '--file', secret),
};
