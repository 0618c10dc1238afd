import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Test } from 'tap';
import type { SecureproxyConfig } from '../../secureproxy/config.ts';
import type { Environment } from '../../shared/settings/config.ts';
import { createAuthority } from '../support/certificates.ts';
import { startNameServer } from '../support/name-server.ts';
import { until } from '../support/until.ts';
import { answer, type Script, startUpstream } from '../support/upstream.ts';
import { startScene } from './secureproxy-scene.ts';
import { newFolder } from './service.ts';
import type { Row } from './table.ts';

type UpstreamSetting = Extract<keyof SecureproxyConfig, `UPSTREAM_${string}`>;

/** The time as a whole ends first, by another reason, if a time-out is not what a row sets. */
const far = {
  UPSTREAM_CONNECT_TIMEOUT_MS: '15000',
  UPSTREAM_HEADERS_TIMEOUT_MS: '15000',
  UPSTREAM_BODY_TIMEOUT_MS: '15000',
  UPSTREAM_TOTAL_TIMEOUT_MS: '8000',
};

/** How a call ends whose upstream does so. */
async function outcomeOf(t: Test, settings: Environment, script: Script, scheme = 'http') {
  const upstream = await startUpstream(t);
  upstream.script(script);
  const scene = await startScene(
    t,
    { ...far, ...settings },
    { upstream, destination: `${scheme}://127.0.0.1:${upstream.port}` },
  );
  const { status, problem } = await scene.call();
  const entry = () => scene.log().find(({ msg }) => msg === 'request');
  await until(() => entry() !== undefined);
  return {
    status,
    code: entry()?.['error.type'],
    reason: entry()?.['error.reason'],
    detail: problem.detail,
  };
}

const neverAnswers: Script = () => undefined;
/** Answers with headers and a part of the body. */
const stopsWithin: Script = (socket) =>
  void socket.write(answer(200, 'part', [['Content-Length', '1000']]));

/** Rows of the settings of connections to marketplaces. */
export const upstreamRows: Readonly<Record<UpstreamSetting, Row>> = {
  UPSTREAM_CONNECT_TIMEOUT_MS: async (t) => {
    // An upstream of plain http leaves the TLS handshake unanswered.
    const settings = { UPSTREAM_CONNECT_TIMEOUT_MS: '300' };
    const outcome = await outcomeOf(t, settings, neverAnswers, 'https');
    t.match(outcome, { status: 504, code: 'upstream_timeout', reason: 'connect_timeout' });
    t.notMatch(outcome.detail, /^The call as a whole/, 'not the total time-out');
  },

  UPSTREAM_HEADERS_TIMEOUT_MS: async (t) => {
    const outcome = await outcomeOf(t, { UPSTREAM_HEADERS_TIMEOUT_MS: '300' }, neverAnswers);
    t.match(outcome, { status: 504, code: 'upstream_timeout', reason: 'headers_timeout' });
  },

  UPSTREAM_BODY_TIMEOUT_MS: async (t) => {
    const outcome = await outcomeOf(t, { UPSTREAM_BODY_TIMEOUT_MS: '300' }, stopsWithin);
    t.match(outcome, { status: 504, code: 'upstream_timeout', reason: 'body_timeout' });
  },

  UPSTREAM_TOTAL_TIMEOUT_MS: async (t) => {
    const outcome = await outcomeOf(t, { UPSTREAM_TOTAL_TIMEOUT_MS: '5000' }, neverAnswers);
    t.match(outcome, { status: 504, code: 'upstream_timeout', reason: 'total_timeout' });
  },

  UPSTREAM_CONNECTIONS: async (t) => {
    const { upstream, call } = await startScene(t, { UPSTREAM_CONNECTIONS: '1' });
    const answers: (() => void)[] = [];
    upstream.script((socket) => {
      answers.push(() => void socket.write(answer(200, 'ok')));
    });
    const calls = Promise.all([call(), call(), call()]);
    for (let i = 0; i < 3; i += 1) {
      await until(() => answers.length > i);
      answers[i]?.();
    }
    t.same(
      (await calls).map(({ status }) => status),
      [200, 200, 200],
    );
    t.equal(upstream.connections(), 1);
  },

  UPSTREAM_DNS_SERVERS: async (t) => {
    const upstream = await startUpstream(t);
    const names = await startNameServer(t);
    names.answer('market.example', ['127.0.0.1']);
    const { call } = await startScene(
      t,
      { UPSTREAM_DNS_SERVERS: names.address },
      { upstream, destination: `http://market.example:${upstream.port}` },
    );
    t.equal((await call()).status, 200);
    t.ok(names.asked.includes('market.example'));
  },

  UPSTREAM_CA_FILE: async (t) => {
    const { ca, issue } = await createAuthority();
    const upstream = await startUpstream(t, { identity: await issue({ names: ['127.0.0.1'] }) });
    const destination = `https://127.0.0.1:${upstream.port}`;
    const file = join(newFolder(t), 'ca.pem');
    writeFileSync(file, ca);
    const trusting = await startScene(t, { UPSTREAM_CA_FILE: file }, { upstream, destination });
    t.equal((await trusting.call()).status, 200);
    const other = await startScene(t, {}, { upstream, destination });
    t.match(await other.call(), { problem: { reason: 'tls_certificate' } });
  },
};
