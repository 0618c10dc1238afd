import t from 'tap';
import { keyserverSettings } from '../../../keyserver/config.ts';
import { storageSettings } from '../../../keyserver/storage/settings.ts';
import { secureproxySettings } from '../../../secureproxy/config.ts';
import { nearMisses } from '../../../shared/settings/near-misses.ts';
import { settingNames } from '../../../shared/settings/setting-names.ts';

const keyserver = settingNames(keyserverSettings);
const secureproxy = settingNames(secureproxySettings);
/** The tool knows KeyServer's. */
const programs = { keyserver, secureproxy };

/** Ways to misspell a name; one that is another setting is no misspelling. */
function typos(name: string): string[] {
  const letters = [...name];
  return [
    name.replace(/_(?:FILE|DIR)$/, ''),
    name.replace(/_(?:FILE|DIR)$/, '_PATH'),
    name.replace(/_(?:MS|BYTES|SECONDS)$/, ''),
    name.replaceAll('_', ''),
    `${name}S`,
    name.replace(/_(\w+)$/, 'S_$1'),
    name.toLowerCase(),
    ...letters.map((_, i) => name.slice(0, i) + name.slice(i + 1)),
    ...letters.map((letter, i) => name.slice(0, i) + letter + name.slice(i)),
    ...letters.map(
      (letter, i) => `${name.slice(0, i)}${name[i + 1] ?? ''}${letter}${name.slice(i + 2)}`,
    ),
  ];
}

for (const [program, names] of Object.entries(programs)) {
  t.test(`${program}: every usual typo of every setting is told`, async (t) => {
    let tried = 0;
    for (const name of names) {
      for (const typo of new Set(typos(name))) {
        if (names.includes(typo) || typo.length < 3) continue;
        tried += 1;
        const [said = 'nothing'] = nearMisses(names, [typo]);
        const [, meant = 'nothing'] = / is (\w+) meant\?$/.exec(said) ?? [];
        // A shorter typo may be as near to another name.
        const isRight = meant === name || typos(meant).includes(typo);
        if (!isRight) t.fail(`${typo}: ${said}, and not ${name}`);
      }
    }
    t.ok(tried > 800, `${tried} typos`);
  });
}

t.test('what another program reads, or the system sets, is no typo', async (t) => {
  const others = [
    ...keyserver,
    ...secureproxy,
    ...Object.keys(storageSettings),
    ...['KEYSERVER_PORT', 'SECUREPROXY_PORT', 'TEST_DATABASE_URL', 'DOCKER_HOST', 'CHROMIUM'],
    ...['MYSQL_IMAGE', 'NODE_IMAGE', 'KEYSERVER_IMAGE', 'SECRETS_DIR', 'MARKETPLACE_SUBNET'],
    ...['NODE_ENV', 'NODE_OPTIONS', 'NODE_EXTRA_CA_CERTS', 'SSL_CERT_FILE', 'SSL_CERT_DIR'],
    ...['HOME', 'HOSTNAME', 'PATH', 'PWD', 'OLDPWD', 'LANG', 'LC_ALL', 'TERM', 'USER', 'LOGNAME'],
    ...['SHLVL', 'SHELL', 'MAIL', 'TZ', 'TMPDIR', 'EDITOR', 'INVOCATION_ID', 'JOURNAL_STREAM'],
    ...['KUBERNETES_PORT', 'KUBERNETES_SERVICE_HOST', 'KEYSERVER_SERVICE_HOST', 'DB_SERVICE_PORT'],
    ...['HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY', 'http_proxy', 'DEBUG', 'CI', 'SYSTEMD_EXEC_PID'],
    ...['APP_HOST', 'MY_HOST', 'LOG_FORMAT', 'APP_PORT', 'DATABASE_URL', 'REDIS_URL', '_'],
    ...['OTEL_EXPORTER_OTLP_ENDPOINT', 'POD_NAME', 'NODE_NAME', 'CREDENTIALS_DIRECTORY'],
  ];
  for (const [program, names] of Object.entries(programs)) {
    t.same(nearMisses(names, others), [], program);
  }
});

t.test('the inputs that were seen', async (t) => {
  for (const [name, meant] of [
    ['TLS_CERT', 'TLS_CERT_FILE'],
    ['TLS_CLIENT', 'TLS_CLIENT_CA_FILE'],
    ['KEYRING', 'KEYRING_DIR'],
    ['PROT', 'PORT'],
    ['DB_PATH', 'DB_FILE'],
    ['DB_TLS_CA_FILE', 'DB_TLS_CA'],
  ]) {
    t.same(nearMisses(keyserver, [name ?? '']), [`${name} is not a setting: is ${meant} meant?`]);
  }
  t.same(nearMisses(keyserver, ['TLS_KEY_FILE', 'TLS_CERT_FILE']), []);
});
