import { X509Certificate } from 'node:crypto';
import { once as event } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Test } from 'tap';
import type { ListenerConfig } from '../../shared/listen/listener-settings.ts';
import type { Environment } from '../../shared/settings/config.ts';
import { createAuthority } from '../support/certificates.ts';
import { freePort } from '../support/free-port.ts';
import { callHttps } from '../support/https-call.ts';
import { writeIdentity } from '../support/identity-files.ts';
import { pollUntil } from '../support/poll-until.ts';
import { processRows } from './process-rows.ts';
import { newFolder, type StartedService } from './service.ts';
import type { Row } from './table.ts';

/** A service that rows are about. */
export interface Subject {
  readonly name: 'keyserver' | 'secureproxy';
  /** Settings with which it starts. */
  settings(t: Test): Environment;
  /** Starts it with further settings. */
  start(t: Test, further: Environment): Promise<StartedService>;
  /** The path of its calls. */
  readonly callPath: string;
  /** A header with which a call is taken. */
  readonly callHeader: string;
}

const authority = await createAuthority();
const { ca } = authority;

/**
 * Rows of the settings that both services have.
 * @param callsMax the row of `CALLS_MAX`, since what a call waits for differs
 */
export function listenerRows(
  subject: Subject,
  callsMax: Row,
): Readonly<Record<keyof ListenerConfig, Row>> {
  const { start } = subject;
  const healthStatus = async (origin: string) => (await fetch(`${origin}/healthz`)).status;

  /** The service over TLS; resolves to how it answers a client with this identity. */
  async function startTls(t: Test, further: Environment = {}) {
    const identity = await authority.issue();
    const files = writeIdentity(newFolder(t), identity, ca);
    const { address } = await start(t, {
      TLS_CERT_FILE: files.cert,
      TLS_KEY_FILE: files.key,
      ...('TLS_CLIENT_NAMES' in further && { TLS_CLIENT_CA_FILE: files.ca }),
      ...further,
    });
    const url = `https://localhost:${address.port}/healthz`;
    return { identity, call: (more = {}) => callHttps(url, { ca, ...more }) };
  }

  const tls: Row = async (t) => {
    const { identity, call } = await startTls(t);
    t.match(await call(), {
      status: 200,
      serial: new X509Certificate(identity.cert).serialNumber,
    });
  };

  return {
    ...processRows(subject),

    HOST: async (t) => {
      const { address } = await start(t, { HOST: '127.0.0.2' });
      t.equal(address.address, '127.0.0.2');
      t.equal(await healthStatus(`http://127.0.0.2:${address.port}`), 200);
    },

    PORT: async (t) => {
      const port = await freePort();
      await start(t, { PORT: String(port) });
      t.equal(await healthStatus(`http://127.0.0.1:${port}`), 200);
    },

    OPS_PORT: async (t) => {
      const port = await freePort();
      const { url } = await start(t, { OPS_PORT: String(port) });
      for (const path of ['/healthz', '/metrics']) {
        t.equal((await fetch(`http://127.0.0.1:${port}${path}`)).status, 200, path);
        t.equal((await fetch(url + path)).status, 404, `${path} at PORT`);
      }
    },

    OPS_HOST: async (t) => {
      const port = await freePort();
      await start(t, { OPS_PORT: String(port), OPS_HOST: '127.0.0.2' });
      t.equal(await healthStatus(`http://127.0.0.2:${port}`), 200);
      await t.rejects(healthStatus(`http://127.0.0.1:${port}`), 'not at HOST');
    },

    TLS_CERT_FILE: tls,
    TLS_KEY_FILE: tls,

    TLS_CLIENT_CA_FILE: async (t) => {
      const folder = newFolder(t);
      const files = writeIdentity(folder, await authority.issue(), ca);
      const { call } = await startTls(t, { TLS_CLIENT_CA_FILE: files.ca });
      await t.rejects(call(), 'no certificate');
      const stranger = await (await createAuthority()).issue();
      await t.rejects(call({ identity: stranger }), 'of another CA');
      t.match(await call({ identity: await authority.issue() }), { status: 200 });
    },

    TLS_CLIENT_NAMES: async (t) => {
      const { call } = await startTls(t, { TLS_CLIENT_NAMES: 'one.example, two.example' });
      const identityOf = (name: string) => authority.issue({ names: [name] });
      await t.rejects(call({ identity: await identityOf('three.example') }));
      t.match(await call({ identity: await identityOf('two.example') }), { status: 200 });
    },

    TRUST_PROXY: async (t) => {
      const addressWith = async (further: Environment) => {
        const { url, log } = await start(t, further);
        await fetch(`${url}/none`, { headers: { 'x-forwarded-for': '192.0.2.9' } });
        const entries = () => log().filter(({ msg }) => msg === 'request');
        await pollUntil('the entry of the request', entries, ({ length }) => length > 0);
        return entries()[0]?.['client.address'];
      };
      t.equal(await addressWith({ TRUST_PROXY: '127.0.0.1' }), '192.0.2.9');
      t.equal(await addressWith({ TRUST_PROXY: '127.0.0.3' }), '127.0.0.1');
    },

    CALLS_MAX: callsMax,

    DRAIN_DELAY_MS: async (t) => {
      const { url, shutDown } = await start(t, { DRAIN_DELAY_MS: '600' });
      const begunAt = performance.now();
      const ended = shutDown();
      const answer = await fetch(`${url}/readyz`);
      t.equal(answer.status, 503);
      t.match(await answer.json(), { checks: { shutdown: 'draining' } });
      t.equal(await ended, true);
      t.ok(performance.now() - begunAt >= 590, 'served for the delay');
      await t.rejects(fetch(`${url}/healthz`));
    },

    SHUTDOWN_TIMEOUT_MS: async (t) => {
      const { address, log, shutDown } = await start(t, { SHUTDOWN_TIMEOUT_MS: '300' });
      const socket = connect(address.port, '127.0.0.1').on('error', () => undefined);
      t.teardown(() => socket.destroy());
      const head = [
        `POST ${subject.callPath} HTTP/1.1`,
        'Host: localhost',
        subject.callHeader,
        'Content-Type: application/json',
        'Content-Length: 99',
      ];
      socket.write(`${head.join('\r\n')}\r\n\r\n{`);
      // An answer on another connection shows that the service has seen the first one.
      await healthStatus(`http://127.0.0.1:${address.port}`);
      const cut = event(socket, 'close');
      const begunAt = performance.now();
      const isFinished = await Promise.race([
        shutDown(),
        sleep(20_000, 'still waiting', { ref: false }),
      ]);
      t.equal(isFinished, false, 'long before the default');
      t.ok(performance.now() - begunAt >= 290);
      await cut;
      t.match(
        log().filter(({ level }) => level === 'warn'),
        [{ msg: 'not finished in time: cut off', connections: 1 }],
      );
    },
  };
}
