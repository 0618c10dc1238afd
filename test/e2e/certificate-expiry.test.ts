import { join } from 'node:path';
import t from 'tap';
import { createAuthority, days } from '../support/certificates.ts';
import { type IdentityPaths, writeIdentity } from '../support/identity-files.ts';
import { readiness } from '../support/listening.ts';
import { makeState, seed } from '../support/pair-state.ts';
import { patience } from '../support/patience.ts';
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
  const identity = async (name: string, options = {}) =>
    writeIdentity(join(state.folder, name), await authority.issue(options), ca);
  const valid = await identity('valid');
  const ended = await identity('ended', over);
  const soon = await identity('soon', { notAfter: days(6) });
  const startKeyserver = (server: IdentityPaths) =>
    runMain(t, 'keyserver/main.ts', {
      ...state.settings,
      TLS_CERT_FILE: server.cert,
      TLS_KEY_FILE: server.key,
      TLS_CLIENT_CA_FILE: server.ca,
      PORT: '0',
    });
  const startSecureproxy = async (keyserver: ServiceProcess, client: IdentityPaths) => {
    const { port } = new URL(await keyserver.listening());
    return runMain(t, 'secureproxy/main.ts', {
      PUBLIC_KEY_URL: `https://localhost:${port}/public_key`,
      TOKEN_REQUEST_URL: `https://localhost:${port}/`,
      PROXY_KEY: proxyKey,
      KEYSERVER_CA_FILE: client.ca,
      KEYSERVER_CLIENT_CERT_FILE: client.cert,
      KEYSERVER_CLIENT_KEY_FILE: client.key,
      ...patience,
      PORT: '0',
    });
  };
  // All at once, since the other side's certificate is looked at every ten seconds.
  const keyservers = { ended: startKeyserver(ended), soon: startKeyserver(soon) };
  const [beforeEnded, withEnded, beforeSoon] = await Promise.all([
    startSecureproxy(keyservers.ended, valid),
    startSecureproxy(keyservers.soon, ended),
    startSecureproxy(keyservers.soon, valid),
  ]);

  await t.test("KeyServer's own", async (t) => {
    t.match(await linesOf(keyservers.ended, 'certificate not valid'), [
      { level: 'error', fault: /^the certificate of TLS_CERT_FILE \(.*\) ended on \d{4}-/ },
    ]);
    const [line] = await linesOf(beforeEnded, 'not ready: calls fail');
    t.match(line, {
      err: {
        code: 'CERT_HAS_EXPIRED',
        message:
          /^KeyServer does not answer: the certificate of KeyServer at localhost.* has ended/,
      },
    });
    t.notOk(Object(line?.err).stack);
    t.equal((await readiness(await beforeEnded.listening())).status, 503);
  });

  await t.test("the proxy's own", async (t) => {
    t.match(await linesOf(withEnded, 'certificate not valid'), [
      {
        level: 'error',
        fault: /^the certificate of KEYSERVER_CLIENT_CERT_FILE .* ended on \d{4}-/,
      },
    ]);
    const [line] = await linesOf(keyservers.soon, 'TLS handshake failed');
    t.equal(line?.['error.type'], 'CERT_HAS_EXPIRED');
  });

  await t.test(
    'and one that ends within a week is warned of, that of the other side too',
    async (t) => {
      const lines = await pollUntil(
        'both',
        () => beforeSoon.lines().filter(({ msg }) => msg === 'certificate ends soon'),
        (found) => found.some(({ fault }) => String(fault).includes('KeyServer at localhost')),
        120_000,
      );
      t.match(lines.at(-1), {
        level: 'warn',
        fault: /KeyServer at localhost .* in less than 7 days$/,
      });
    },
  );
});
