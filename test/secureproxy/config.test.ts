import t from 'tap';
import { publicKeyPins, secureproxyFaults, secureproxySettings } from '../../secureproxy/config.ts';
import { makeCallerKey } from '../../shared/crypto/caller-key.ts';
import { type Environment, parseSettings } from '../../shared/settings/config.ts';

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

t.test('refuses a proxy key that is cut short, without showing it', (t) => {
  const cut = makeCallerKey('spx_').slice(0, -1);
  const faults = secureproxyFaults(parse({ PROXY_KEY: cut }));
  t.strictSame(faults, ['PROXY_KEY is mistyped or cut short: its checksum does not fit']);
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
  t.match(faults, ['PUBLIC_KEY_URL is not a URL', 'TOKEN_REQUEST_URL is not a URL']);
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
      'KEYSERVER_CLIENT_CERT_FILE and KEYSERVER_CLIENT_KEY_FILE go together',
    ]);
  }
  const plain = secureproxyFaults(
    parse({ TOKEN_REQUEST_URL: 'http://keyserver.example/', KEYSERVER_CA_FILE: 'a', ...own }),
  );
  t.strictSame(
    plain,
    ['KEYSERVER_CA_FILE', ...Object.keys(own)].map(
      (name) => `${name} is of no use while TOKEN_REQUEST_URL is plain http: make it https`,
    ),
  );
  t.match(secureproxyFaults(parse({ TLS_CERT_FILE: 'c' })), [/TLS_KEY_FILE/]);
  t.end();
});

t.test('takes name servers by their addresses alone', (t) => {
  const faults = (UPSTREAM_DNS_SERVERS: string) =>
    secureproxyFaults(parse({ UPSTREAM_DNS_SERVERS }));
  t.strictSame(faults('192.0.2.53, 192.0.2.54:5353, [2001:db8::53]:53'), []);
  t.match(faults('dns.example'), [/^UPSTREAM_DNS_SERVERS has something else/]);
  t.end();
});
