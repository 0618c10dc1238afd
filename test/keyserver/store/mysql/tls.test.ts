import t from 'tap';
import { openMysqlStore } from '../../../../keyserver/store/mysql/mysql.ts';
import { StoreError } from '../../../../keyserver/store/store-error.ts';
import { createAuthority } from '../../../../local/certificate.ts';
import { startSilentMysql } from '../../../settings/silent-mysql-server.ts';
import { findMariadbd, startMariadbd } from '../../../support/mariadbd.ts';
import { ask } from '../../../support/mysql-server.ts';

const program = findMariadbd() ?? '';
const skip = program === '' && 'there is no mariadbd on this machine, to give it a certificate';

t.test('speaks TLS with a server that its CA vouches for, and no other', { skip }, async (t) => {
  const { ca: tlsCa, issue } = await createAuthority('database CA', new Date());
  const { certificate, privateKey } = await issue(['127.0.0.1']);
  const folder = t.testdir({ 'certificate.pem': certificate, 'key.pem': privateKey });
  const files = [`--ssl-cert=${folder}/certificate.pem`, `--ssl-key=${folder}/key.pem`];
  const [server, plain] = await Promise.all([
    startMariadbd(program, files),
    startMariadbd(program),
  ]);
  t.teardown(() => Promise.all([server.dispose(), plain.dispose()]));
  await ask(server.address, 'CREATE DATABASE tokens');
  const options = { ...server.address, database: 'tokens', tokenTable: 'storage', timeoutMs: 1500 };
  const trusted = openMysqlStore({ ...options, tlsCa });
  t.teardown(() => trusted.close());
  t.same(await trusted.migrate(), ['0001_initial', '0002_history', '0003_replicas', '0004_images']);
  t.equal(await trusted.needsKeyring(), false);

  await t.test('another CA', async (t) => {
    const { ca } = await createAuthority('another CA', new Date());
    const store = openMysqlStore({ ...options, tlsCa: ca });
    t.teardown(() => store.close());
    await t.rejects(store.needsKeyring(), {
      kind: 'failed',
      message:
        'The database offers no TLS that the CA vouches for (UNABLE_TO_VERIFY_LEAF_SIGNATURE)',
    });
  });

  await t.test('another host than the certificate names', async (t) => {
    const store = openMysqlStore({ ...options, host: 'localhost', tlsCa });
    t.teardown(() => store.close());
    await t.rejects(store.needsKeyring(), { message: /\(ERR_TLS_CERT_ALTNAME_INVALID\)/ });
  });

  await t.test('a server that wants TLS, and a store that speaks none', async (t) => {
    await ask(server.address, "ALTER USER 'app'@'127.0.0.1' REQUIRE SSL");
    const store = openMysqlStore(options);
    t.teardown(() => store.close());
    await t.rejects(store.needsKeyring(), { kind: 'failed', message: /rejects/ });
    await t.resolves(trusted.needsKeyring());
  });

  await t.test('a server without TLS', async (t) => {
    const store = openMysqlStore({ ...options, ...plain.address, tlsCa });
    t.teardown(() => store.close());
    await t.rejects(store.needsKeyring(), { message: /no TLS.* \(ER_SERVER_SSL_DISABLED\)/ });
  });
});

t.test('lives on if the server ends the connection during the handshake', async (t) => {
  const { ca: tlsCa, issue } = await createAuthority('database CA', new Date());
  const { certificate: cert, privateKey: key } = await issue(['127.0.0.1']);
  const { port } = await startSilentMysql(t, { cert, key }, { endsHandshakes: true });
  const server = { host: '127.0.0.1', port, user: 'app', password: 'wrong', database: 'tokens' };
  const timeoutMs = 1500;
  const store = openMysqlStore({ ...server, tokenTable: 'storage', timeoutMs, tlsCa });
  t.teardown(() => store.close());
  // An error that nobody hears would fail this test.
  await t.rejects(store.needsKeyring(), StoreError);
});
