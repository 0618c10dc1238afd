import t from 'tap';
import { addGrant } from '../../../keyserver/operations/grants.ts';
import { scratchDatabase, sharedServer } from '../../support/database.ts';
import type { Secrets } from '../../support/leaks.ts';
import { findLeaks } from '../../support/leaks.ts';
import { ask } from '../../support/mysql-server.ts';
import { runKeyserver, runSecureproxy } from '../../support/pair.ts';
import { makeState, mysqlSettings, seed } from '../../support/pair-state.ts';
import { pollUntil } from '../../support/poll-until.ts';
import { startUpstream } from '../../support/upstream.ts';
import { callInEveryWay, callInOutage } from './calls.ts';
import { echo } from './hostile-answers.ts';
import { operateInEveryWay } from './operator.ts';
import { makeCanary, plant } from './plant.ts';

const shortestSecret = 12;
/** So that the search is known to have had something to search. */
const codes = [
  'body_too_large',
  'caller_unauthenticated',
  'destination_denied',
  'integrity_failed',
  'keyserver_unavailable',
  'media_type_unsupported',
  'request_invalid',
  'route_not_found',
  'session_invalid',
  'token_expired',
  'token_not_found',
  'type_not_found',
  'upstream_invalid',
  'upstream_timeout',
  'upstream_unreachable',
];

t.test('no secret is printed or told, at the level trace, whatever goes wrong', async (t) => {
  const upstream = await startUpstream(t);
  upstream.script(echo);
  const database = await scratchDatabase(t);
  const state = await makeState(t, mysqlSettings(database));
  const { appKey, proxyKey } = await seed(state, upstream.url);
  await addGrant(state.admin, 'orders', { client: '*', type: '*' });
  const planted = await plant(state, upstream.url);
  const cores: Record<string, string> = {};
  const callerSecret = makeCanary(cores, 'caller');
  const operatorSecret = makeCanary(cores, 'operator');
  const mine: Secrets = { ...planted.secrets, 'app key': appKey, 'proxy key': proxyKey };
  const secrets: Secrets = {
    ...mine,
    ...cores,
    // A server that was there already may have one that is no more than a word.
    ...(database.password.length < shortestSecret
      ? {}
      : { 'database password': database.password }),
  };

  const trace = { LOG_LEVEL: 'trace' };
  const keyserver = await runKeyserver(t, state, { ...trace, ...planted.legacySettings });
  const secureproxy = await runSecureproxy(t, keyserver.port, proxyKey, {
    ...trace,
    TOKEN_CACHE_SECONDS: '1',
  });
  const target = {
    secureproxy: secureproxy.origin,
    keyserver: keyserver.origin,
    upstream: upstream.url,
    appKey,
    callerSecret,
  };
  const problems = await callInEveryWay(target);
  const { control } = await sharedServer();
  if (control === undefined) {
    t.pass('calls without a database', { skip: 'the server is not ours to stop' });
  } else {
    await control.stop();
    await pollUntil(
      'KeyServer is unready',
      () => keyserver.readyStatus(),
      (s) => s === 503,
    );
    problems.push(...(await callInOutage(target)));
    await control.start();
    await pollUntil(
      'KeyServer is ready',
      () => keyserver.readyStatus(),
      (s) => s === 200,
    );
  }
  await ask(database, "UPDATE documents SET body = CONCAT(body, ' ') WHERE id = 'query'");
  await keyserver.restart();
  problems.push(...(await callInEveryWay(target)));
  const operated = await operateInEveryWay(state, operatorSecret);
  await keyserver.process.stop();
  problems.push(...(await callInOutage(target)));
  // With the lines that are written last.
  await secureproxy.process.stop();

  const texts = {
    KeyServer: keyserver.output.text,
    SecureProxy: secureproxy.output.text,
    'the tool': operated.map(({ output }) => output).join('\n'),
    problems: problems.join('\n'),
  };
  for (const [where, text] of Object.entries(texts)) {
    // A caller may get its own values back.
    const leaks = findLeaks(text, where === 'problems' ? mine : secrets);
    t.same(leaks, [], `${where}: ${text.length} characters`);
  }
  for (const text of [texts.KeyServer, texts.SecureProxy, texts['the tool']]) {
    t.ok(findLeaks(text, { client: 'shop-1' }).length > 0, 'what may be printed is found');
  }
  const logged = `${texts.KeyServer}${texts.SecureProxy}`;
  for (const code of codes)
    t.ok(logged.includes(`"error.type":"${code}"`), `it went wrong by ${code}`);
  const exitCodes = new Set(operated.map(({ code }) => code));
  t.same(exitCodes, new Set([0, 1, 2, 3, 4, 78]), 'the tool did well, and failed in every way');
});
