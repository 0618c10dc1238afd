import t from 'tap';
import { Type } from 'typebox';
import { listenerFaults, listenerSettings } from '../../../shared/listen/listener-settings.ts';
import { type Environment, parseSettings } from '../../../shared/settings/config.ts';

const schema = Type.Object(listenerSettings(5001));
const faultsOf = (environment: Environment) =>
  listenerFaults(parseSettings(schema, environment).config);

const pair = { TLS_CERT_FILE: 'c', TLS_KEY_FILE: 'k' };

t.test('takes what goes together', async (t) => {
  for (const environment of [
    {},
    pair,
    { ...pair, TLS_CLIENT_CA_FILE: 'a' },
    { ...pair, TLS_CLIENT_CA_FILE: 'a', TLS_CLIENT_NAMES: 'proxy.example' },
    { OPS_PORT: '0' },
    { TRUST_PROXY: '10.0.0.0/8, 192.0.2.1,2001:db8::/32, ::1,' },
    { OPS_PORT: '9000', OPS_HOST: '127.0.0.1' },
    { PORT: '0', OPS_PORT: '0' },
    { PORT: '9000', HOST: '192.0.2.1', OPS_PORT: '9000', OPS_HOST: '127.0.0.1' },
  ]) {
    t.same(faultsOf(environment), [], JSON.stringify(environment));
  }
});

t.test('names what has no effect without another', async (t) => {
  const together = 'TLS_CERT_FILE and TLS_KEY_FILE must be set together';
  const cases: [Environment, string[]][] = [
    [{ TLS_CERT_FILE: 'c' }, [together]],
    [{ TLS_KEY_FILE: 'k' }, [together]],
    [{ TLS_CLIENT_CA_FILE: 'a' }, ['TLS_CLIENT_CA_FILE needs TLS_CERT_FILE and TLS_KEY_FILE']],
    [{ ...pair, TLS_CLIENT_NAMES: 'x' }, ['TLS_CLIENT_NAMES needs TLS_CLIENT_CA_FILE']],
    [{ OPS_HOST: '::1' }, ['OPS_HOST needs OPS_PORT']],
    ...[
      { HOST: '192.0.2.1' },
      { HOST: '192.0.2.1', OPS_HOST: '192.0.2.1' },
      { HOST: '0.0.0.0', OPS_HOST: '127.0.0.1' },
      { HOST: '192.0.2.1', OPS_HOST: '::' },
    ].map((hosts): [Environment, string[]] => [
      { PORT: '9000', OPS_PORT: '9000', ...hosts },
      ['OPS_PORT must be another port than PORT'],
    ]),
    ...['lb.example', '10.0.0.0/33', '10.0.0.0/', '10.0.0.1:80'].map(
      (text): [Environment, string[]] => [
        { TRUST_PROXY: `::1, ${text}` },
        [`TRUST_PROXY: "${text}" is neither an address nor a network such as 10.0.0.0/8`],
      ],
    ),
  ];
  for (const [environment, faults] of cases) {
    t.same(faultsOf(environment), faults, JSON.stringify(environment));
  }
});

t.test('says nothing of a setting that needs one which is faulty itself', async (t) => {
  t.same(listenerFaults({ OPS_HOST: '::1' }, new Set(['OPS_PORT'])), []);
  t.same(listenerFaults({ OPS_HOST: '::1' }, new Set(['PORT'])), ['OPS_HOST needs OPS_PORT']);
});

t.test('a list of names without any name lets nobody in by mistake', async (t) => {
  t.match(faultsOf({ ...pair, TLS_CLIENT_CA_FILE: 'a', TLS_CLIENT_NAMES: ' , ' }), [
    'TLS_CLIENT_NAMES has no name',
  ]);
});
