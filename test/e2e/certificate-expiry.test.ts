import { join } from 'node:path';
import t from 'tap';
import { createAuthority, days } from '../support/certificates.ts';
import { writeIdentity } from '../support/identity-files.ts';
import { readiness } from '../support/listening.ts';
import { makeState, seed } from '../support/pair-state.ts';
import { pollUntil } from '../support/poll-until.ts';
import { runMain, type ServiceProcess } from '../support/service-process.ts';

const authority = await createAuthority();
const over = { notBefore: days(-20), notAfter: days(-1) };
const linesOf = (service: ServiceProcess, message: string) =>
  pollUntil(
    message,
    () => service.lines().filter(({ msg }) => msg === message),
    ({ length }) => length > 0,
  );

t.test('a certificate that has ended is said by both sides', async (t) => {
  const state = await makeState(t);
  const { proxyKey } = await seed(state, 'http://127.0.0.1:9');
  const { ca } = authority;
  const valid = writeIdentity(join(state.folder, 'valid'), await authority.issue(), ca);
  const ended = writeIdentity(join(state.folder, 'ended'), await authority.issue(over), ca);
  const start = async (server: typeof valid, client: typeof valid) => {
    const keyserver = runMain(t, 'keyserver/main.ts', {
      ...state.settings,
      TLS_CERT_FILE: server.cert,
      TLS_KEY_FILE: server.key,
      TLS_CLIENT_CA_FILE: server.ca,
      PORT: '0',
    });
    const { port } = new URL(await keyserver.listening());
    const secureproxy = runMain(t, 'secureproxy/main.ts', {
      PUBLIC_KEY_URL: `https://localhost:${port}/public_key`,
      TOKEN_REQUEST_URL: `https://localhost:${port}/`,
      PROXY_KEY: proxyKey,
      KEYSERVER_CA_FILE: client.ca,
      KEYSERVER_CLIENT_CERT_FILE: client.cert,
      KEYSERVER_CLIENT_KEY_FILE: client.key,
      KEYSERVER_TIMEOUT_MS: '500',
      PORT: '0',
    });
    return { keyserver, secureproxy };
  };

  await t.test("KeyServer's own", async (t) => {
    const { keyserver, secureproxy } = await start(ended, valid);
    t.match(await linesOf(keyserver, 'certificate not valid'), [
      { level: 'error', fault: /^the certificate of TLS_CERT_FILE \(.*\) ended on \d{4}-/ },
    ]);
    const [line] = await linesOf(secureproxy, 'not ready: calls fail');
    t.match(line, {
      err: {
        code: 'CERT_HAS_EXPIRED',
        message:
          /^KeyServer does not answer: the certificate of KeyServer at localhost.* has ended/,
      },
    });
    t.notOk(Object(line?.err).stack);
    t.equal((await readiness(await secureproxy.listening())).status, 503);
  });

  await t.test("the proxy's own", async (t) => {
    const { keyserver, secureproxy } = await start(valid, ended);
    t.match(await linesOf(secureproxy, 'certificate not valid'), [
      {
        level: 'error',
        fault: /^the certificate of KEYSERVER_CLIENT_CERT_FILE .* ended on \d{4}-/,
      },
    ]);
    const [line] = await linesOf(keyserver, 'TLS handshake failed');
    t.equal(line?.['error.type'], 'CERT_HAS_EXPIRED');
  });

  await t.test(
    'and one that ends within a week is warned of, that of the other side too',
    async (t) => {
      const soon = await authority.issue({ notAfter: days(6) });
      const files = writeIdentity(join(state.folder, 'soon'), soon, ca);
      const { secureproxy } = await start(files, valid);
      const lines = await pollUntil(
        'both',
        () => secureproxy.lines().filter(({ msg }) => msg === 'certificate ends soon'),
        (found) => found.some(({ fault }) => String(fault).includes('KeyServer at localhost')),
        70_000,
      );
      t.match(lines.at(-1), {
        level: 'warn',
        fault: /KeyServer at localhost .* in less than 7 days$/,
      });
    },
  );
});
