import t from 'tap';
import { createApp } from '../../keyserver/operations/callers.ts';
import { addGrant } from '../../keyserver/operations/grants.ts';
import { scratchDatabase } from '../support/database.ts';
import { deleteDocument } from '../support/delete-document.ts';
import { outcome, startPair } from '../support/pair.ts';
import { keptForMinutes, mysqlSettings, tokenType } from '../support/pair-state.ts';
import { showAuthorization, startPlainUpstream } from '../support/plain-upstream.ts';
import { pollUntil } from '../support/poll-until.ts';
import { startSwitchboard } from '../support/switchboard.ts';

t.test('what is kept for minutes', async (t) => {
  const upstream = await startPlainUpstream(t, showAuthorization);
  const line = await startSwitchboard(t, null);
  let otherKey = '';
  const pair = await startPair(t, {
    upstream,
    storage: mysqlSettings(await scratchDatabase(t)),
    keyserver: { LOG_LEVEL: 'debug' },
    async prepare(state) {
      await keptForMinutes(upstream)(state);
      otherKey = await createApp(state.admin, 'other');
      await addGrant(state.admin, 'other', { client: '*', type: tokenType });
    },
    between: async (port) => {
      line.connectTo(`http://127.0.0.1:${port}`);
      return Number(new URL(line.url).port);
    },
  });

  await t.test('ends by a question or two of the feed', async (t) => {
    const lines = (template: string) =>
      pair.keyserver.output.linesWith({ 'url.template': template }).length;
    const callUntilAsked = (times: number) =>
      pollUntil(
        `the feed asked ${times} times`,
        async () => {
          t.same(await outcome(pair.call()), [200, undefined]);
          return lines('/changes');
        },
        (asked) => asked >= times,
      );
    // Until then a KeyServer that was just started has all releases dropped at every question.
    await callUntilAsked(7);
    const releases = lines('/');
    await callUntilAsked(11);
    t.equal(lines('/'), releases, 'one release served four seconds');

    const asked = lines('/changes');
    await deleteDocument(pair.admin, 'app', 'orders');
    await pollUntil(
      'calls are refused',
      () => outcome(pair.call()),
      ([status]) => status === 401,
    );
    // The line of a question may come after the refusal that it brings about.
    const more = await pollUntil(
      'a question is logged',
      () => lines('/changes') - asked,
      (questions) => questions > 0,
    );
    t.ok(more <= 4, `${more} questions later`);
  });

  await t.test('ends after seconds where nobody is asked any more', async (t) => {
    const call = () => outcome(pair.call({}, { authorization: `Bearer ${otherKey}` }));
    const said = (members: Readonly<Record<string, string>>) =>
      pair.secureproxy.output.linesWith(members).length;
    await pollUntil(
      'the cache is warm',
      async () => {
        t.same(await call(), [200, undefined]);
        return said({ release: 'cached', app: 'other' });
      },
      (cached) => cached > 0,
    );
    line.connectTo(null);
    t.same(await pollUntil('calls are refused', call, ([status]) => status !== 200), [
      503,
      'keyserver_unavailable',
    ]);
    await pollUntil(
      'the outage is said',
      () => said({ msg: 'change feed cut' }),
      (lines) => lines === 1,
    );
  });
});
