import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createClient } from '@redis/client';
import t from 'tap';
import { publicKeyPins, secureproxySettings } from '../../secureproxy/config.ts';
import {
  installationOf,
  readSecureproxySettings,
  secureproxyFaults,
} from '../../secureproxy/read-settings.ts';
import { makeCallerKey } from '../../shared/crypto/caller-key.ts';
import { ConfigError, type Environment, parseSettings } from '../../shared/settings/config.ts';

const needed: Environment = {
  PUBLIC_KEY_URL: 'https://keyserver.example/public_key',
  TOKEN_REQUEST_URL: 'https://keyserver.example/',
  PROXY_KEY: makeCallerKey('spx_'),
};
const parse = (more: Environment = {}) =>
  parseSettings(secureproxySettings, { ...needed, ...more }).config;

t.test('has the defaults that the documentation names', (t) => {
  t.match(parse(), {
    HOST: '127.0.0.1',
    PORT: 5004,
    TOKEN_CACHE_SECONDS: 5,
    KEYSERVER_TIMEOUT_MS: 1800,
    UNSAFE_UNPINNED_KEY: false,
    PUBLIC_KEY_PINS: '',
  });
  t.end();
});

t.test('names every fault at once, and no secret', (t) => {
  try {
    parseSettings(secureproxySettings, {
      PROXY_KEY: 'spk_wrong-kind',
      TOKEN_CACHE_SECONDS: '6',
      PUBLIC_KEY_URL: 'ftp://keyserver.example',
    });
    t.fail('taken');
  } catch (error) {
    for (const name of [
      'PROXY_KEY',
      'TOKEN_CACHE_SECONDS',
      'PUBLIC_KEY_URL',
      'TOKEN_REQUEST_URL',
    ]) {
      t.match(String(error), name);
    }
    t.notMatch(String(error), 'spk_wrong-kind');
  }
  t.end();
});

/** The faults that end the start; empty if there is none. */
function faultsOf(environment: Environment): readonly string[] {
  try {
    readSecureproxySettings(environment);
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.faults;
    throw error;
  }
}

t.test('names faults of settings, of combinations and of files at once', async (t) => {
  const folder = t.testdir({ 'tls.crt': 'no certificate' });
  const missing = (name: string) => join(folder, name);
  const faults = faultsOf({
    PORT: 'http',
    WORKERS: '0',
    TLS_CLIENT_NAMES: 'app.example',
    TLS_CERT_FILE: join(folder, 'tls.crt'),
    PUBLIC_KEY_URL: 'http://keyserver.example/public_key',
    TOKEN_REQUEST_URL: 'https://a b/',
    PROXY_KEY: makeCallerKey('spx_').slice(0, -1),
    KEYSERVER_CA_FILE: missing('keyserver-ca.pem'),
    KEYSERVER_CLIENT_KEY_FILE: missing('client.key'),
    UPSTREAM_DNS_SERVERS: 'dns.example',
    TRUSTED_HOSTS: 'proxy.example, proxy.example:5004',
    UPSTREAM_CA_FILE: missing('upstream-ca.pem'),
    UPSTREAM_CA_FILES: 'x',
  });
  t.same(faults.map((fault) => fault.replaceAll(folder, '')).sort(), [
    'KEYSERVER_CA_FILE has no effect while PUBLIC_KEY_URL is plain http: use https',
    'KEYSERVER_CA_FILE: cannot read /keyserver-ca.pem (ENOENT)',
    'KEYSERVER_CLIENT_CERT_FILE and KEYSERVER_CLIENT_KEY_FILE must be set together',
    'KEYSERVER_CLIENT_KEY_FILE has no effect while PUBLIC_KEY_URL is plain http: use https',
    'KEYSERVER_CLIENT_KEY_FILE: cannot read /client.key (ENOENT)',
    'PORT must be integer (it is "http")',
    'PROXY_KEY is mistyped or cut short: its checksum does not match',
    'PUBLIC_KEY_URL is plain http to another machine, so an attacker on the network could substitute their own key: use https, set PUBLIC_KEY_PINS to the keyId that KeyServer shows, or accept the risk with UNSAFE_UNPINNED_KEY=1',
    'TLS_CERT_FILE and TLS_KEY_FILE must be set together',
    'TLS_CERT_FILE: /tls.crt holds no certificate',
    'TLS_CLIENT_NAMES needs TLS_CLIENT_CA_FILE',
    'TOKEN_REQUEST_URL is not a URL',
    'TRUSTED_HOSTS must list host names, without scheme, port or *',
    'UPSTREAM_CA_FILE: cannot read /upstream-ca.pem (ENOENT)',
    'UPSTREAM_CA_FILES is not a setting: is UPSTREAM_CA_FILE meant?',
    'UPSTREAM_DNS_SERVERS must list IP addresses, each optionally with a port',
    'WORKERS must be >= 1 (it is "0")',
  ]);
});

t.test('a CA for marketplaces must have a certificate', async (t) => {
  const file = join(t.testdir({ 'ca.pem': 'a key, perhaps' }), 'ca.pem');
  t.same(faultsOf({ ...needed, UPSTREAM_CA_FILE: file }), [
    `UPSTREAM_CA_FILE: ${file} holds no certificate`,
  ]);
});

t.test('says nothing of a combination with a setting that is itself wrong', async (t) => {
  const plain = { ...needed, PUBLIC_KEY_URL: 'http://keyserver.example/public_key' };
  t.match(faultsOf({ ...plain, UNSAFE_UNPINNED_KEY: 'yes' }), [/^UNSAFE_UNPINNED_KEY must be/]);
  t.equal(faultsOf({ ...plain, UNSAFE_UNPINNED_KEY: 'yes' }).length, 1);
  t.same(faultsOf({ ...needed, OPS_HOST: '::1', OPS_PORT: 'x' }), [
    'OPS_PORT must be integer (it is "x")',
  ]);
  const { TOKEN_REQUEST_URL } = needed;
  t.same([...faultsOf({ TOKEN_REQUEST_URL, PROXY_KEY: 'spx' })].sort(), [
    'PROXY_KEY must match pattern "^spx_"',
    'PUBLIC_KEY_URL must be set',
  ]);
});

t.test('names a proxy key whose file cannot be read beside other faults', async (t) => {
  const { PROXY_KEY, ...urls } = needed;
  const file = join(t.testdir({}), 'proxy.key');
  const environment = { ...urls, PROXY_KEY_FILE: file, UPSTREAM_DNS_SERVERS: 'dns.example' };
  t.match(faultsOf(environment), [`PROXY_KEY_FILE: cannot read ${file} (ENOENT)`, /^UPSTREAM_DNS/]);
  writeFileSync(file, `${PROXY_KEY}\n`);
  t.match(faultsOf(environment), [/^UPSTREAM_DNS/]);
});

t.test('refuses a proxy key that is cut short, without showing it', (t) => {
  const cut = makeCallerKey('spx_').slice(0, -1);
  const faults = secureproxyFaults(parse({ PROXY_KEY: cut }));
  t.strictSame(faults, ['PROXY_KEY is mistyped or cut short: its checksum does not match']);
  t.end();
});

t.test('takes an unpinned key over https, from this machine, or when told to', (t) => {
  for (const more of [
    {},
    { PUBLIC_KEY_URL: 'http://127.0.0.1:5001/public_key' },
    { PUBLIC_KEY_URL: 'http://127.8.8.8:5001/public_key' },
    { PUBLIC_KEY_URL: 'http://localhost:5001/public_key' },
    { PUBLIC_KEY_URL: 'http://[::1]:5001/public_key' },
    { PUBLIC_KEY_URL: 'http://keyserver:5001/public_key', UNSAFE_UNPINNED_KEY: '1' },
    { PUBLIC_KEY_URL: 'http://keyserver:5001/public_key', PUBLIC_KEY_PINS: 'a' },
  ]) {
    t.strictSame(secureproxyFaults(parse(more)), [], JSON.stringify(more));
  }
  t.end();
});

t.test('refuses an unpinned key over plain http from another machine', (t) => {
  for (const url of [
    'http://keyserver:5001/public_key',
    'http://10.0.0.1/public_key',
    'http://localhost.evil.example/public_key',
    'http://127.0.0.1.evil.example/public_key',
    'http://127.evil/public_key',
    'http://127.0.0.1@evil.example/public_key',
  ]) {
    for (const pins of ['', ' , ,']) {
      const faults = secureproxyFaults(parse({ PUBLIC_KEY_URL: url, PUBLIC_KEY_PINS: pins }));
      t.match(faults, [/UNSAFE_UNPINNED_KEY=1/], url);
    }
  }
  t.end();
});

t.test('names URLs that are none', (t) => {
  const faults = secureproxyFaults(
    parse({ PUBLIC_KEY_URL: 'https://', TOKEN_REQUEST_URL: 'http://a b/' }),
  );
  t.same(faults, ['PUBLIC_KEY_URL is not a URL', 'TOKEN_REQUEST_URL is not a URL']);
  t.end();
});

t.test('refuses a Redis URL that cannot be read, without its password', (t) => {
  for (const [url, isFine] of [
    ['redis://:secret@redis.example/notanumber', false],
    ['redis://user:secret%@redis.example', false],
    ['redis://user:secret@', false],
    ['redis:///0', false],
    ['rediss://user:secret%25@redis.example:6379/0', true],
    ['redis://redis.example', true],
    ['redis://redis.example/', true],
  ] as const) {
    const faults = secureproxyFaults(parse({ REDIS_URL: url }));
    t.match(faults, isFine ? [] : [/^REDIS_URL is not redis:/], url);
    t.notMatch(faults.join(), 'secret');
    if (isFine) t.doesNotThrow(() => createClient({ url }));
  }
  t.end();
});

t.test('reads pins from a list', (t) => {
  t.strictSame([...publicKeyPins(parse({ PUBLIC_KEY_PINS: ' a, b ,,a' }))], ['a', 'b']);
  t.end();
});

t.test('takes files for TLS to KeyServer, each pair whole and for https only', (t) => {
  const own = { KEYSERVER_CLIENT_CERT_FILE: 'c', KEYSERVER_CLIENT_KEY_FILE: 'k' };
  t.strictSame(secureproxyFaults(parse({ KEYSERVER_CA_FILE: 'a' })), []);
  t.strictSame(secureproxyFaults(parse({ KEYSERVER_CA_FILE: 'a', ...own })), []);
  for (const name of Object.keys(own)) {
    t.strictSame(secureproxyFaults(parse({ [name]: 'x' })), [
      'KEYSERVER_CLIENT_CERT_FILE and KEYSERVER_CLIENT_KEY_FILE must be set together',
    ]);
  }
  const plain = secureproxyFaults(
    parse({ TOKEN_REQUEST_URL: 'http://keyserver.example/', KEYSERVER_CA_FILE: 'a', ...own }),
  );
  t.strictSame(
    plain,
    ['KEYSERVER_CA_FILE', ...Object.keys(own)].map(
      (name) => `${name} has no effect while TOKEN_REQUEST_URL is plain http: use https`,
    ),
  );
  t.match(secureproxyFaults(parse({ TLS_CERT_FILE: 'c' })), [/TLS_KEY_FILE/]);
  t.end();
});

t.test('takes name servers by their addresses alone', (t) => {
  const faults = (UPSTREAM_DNS_SERVERS: string) =>
    secureproxyFaults(parse({ UPSTREAM_DNS_SERVERS }));
  t.strictSame(faults('192.0.2.53, 192.0.2.54:5353, [2001:db8::53]:53'), []);
  t.match(faults('dns.example'), [/^UPSTREAM_DNS_SERVERS must list IP addresses/]);
  t.end();
});

t.test('an empty file of the proxy key counts as unset beside the key', (t) => {
  const { config } = readSecureproxySettings({ ...needed, PROXY_KEY_FILE: '' });
  t.match(config, { PROXY_KEY: needed.PROXY_KEY, PROXY_KEY_FILE: undefined });
  t.end();
});

t.test('the doctor asks KeyServer as calls do', (t) => {
  const { keyserver } = installationOf({
    ...needed,
    PUBLIC_KEY_PINS: 'a',
    KEYSERVER_TIMEOUT_MS: '700',
    UPSTREAM_CONNECT_TIMEOUT_MS: '900',
  });
  t.equal(keyserver.timeoutMs, 700);
  t.equal(keyserver.proxyKey, needed.PROXY_KEY);
  t.same([...keyserver.pins], ['a']);
  t.end();
});
