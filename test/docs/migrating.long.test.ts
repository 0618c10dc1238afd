import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { openMysqlStore } from '../../keyserver/store/mysql/mysql.ts';
import { rawConnection, scratchDatabase } from '../support/database.ts';
import { post, startEarlierCaller, startEarlierSystem } from '../support/earlier-system.ts';
import { legacyFiles, legacyRow, newLegacyKey } from '../support/legacy-rows.ts';
import { mysqlSettings } from '../support/pair-state.ts';
import { showOf, startPlainUpstream } from '../support/plain-upstream.ts';
import { pollUntil } from '../support/poll-until.ts';
import { runProcess } from '../support/service-run.ts';
import { freshClone, typistEnvironment } from './fresh-clone.ts';
import { consoleSteps, pageBlocks, wholeOutputPattern } from './page-blocks.ts';
import { openShell } from './shell-session.ts';
import { root } from './sources.ts';
import { toolInProcess } from './tool-in-process.ts';

const page = readFileSync(join(root, 'docs/migrating.md'), 'utf8');
const blocks = pageBlocks(page);
const steps = consoleSteps(blocks);

t.setTimeout(600_000);

t.test(
  'the page leads there and back, and every call of the earlier caller is answered',
  async (t) => {
    const key = newLegacyKey();
    const options = await scratchDatabase(t);
    const connection = await rawConnection(t, options);
    await connection.query(
      'CREATE TABLE storage (client_id VARCHAR(100), token_type VARCHAR(100), token VARCHAR(1000), PRIMARY KEY (client_id, token_type))',
    );
    const store = (client: string, type: string, secret: string) =>
      connection.query('INSERT INTO storage VALUES (?, ?, ?)', [
        client,
        type,
        legacyRow(secret, key),
      ]);
    await store('shop-17', 'wildberries', 'made-up-token');
    await store('shop-17', 'ozon-seller', '{"clientId": "4711", "apiKey": "made-up-key"}');
    const all = 'SELECT * FROM storage ORDER BY client_id, token_type';
    const before = await connection.query(all);

    const upstream = await startPlainUpstream(t, ({ headers }, response) => {
      const { authorization, 'client-id': id, 'api-key': apiKey } = headers;
      response.end(JSON.stringify(showOf([authorization, id, apiKey].join())));
    });
    const call = (TokenType: string) => ({
      ClientId: 'shop-17',
      TokenType,
      ApiUri: `${upstream}/v1`,
    });
    const calls = [
      {
        call: call('wildberries'),
        answer: JSON.stringify(showOf(['Bearer made-up-token', undefined, undefined].join())),
      },
      {
        call: call('ozon-seller'),
        answer: JSON.stringify(showOf([undefined, '4711', 'made-up-key'].join())),
      },
    ];
    const earlier = await startEarlierSystem(t, connection, key);
    const caller = startEarlierCaller(earlier.origin, calls);
    t.teardown(() => caller.stop());

    const folder = freshClone(t);
    const project = join(folder, 'project');
    const files = {
      KEYRING_DIR: join(folder, 'keyring'),
      RSA_KEY_DIR: join(folder, 'rsa'),
    };
    const database = mysqlSettings(options);
    const legacy = legacyFiles(join(folder, 'legacy'), key);
    const [settings = { text: '' }] = blocks.filter(({ language }) => language === 'ini');
    for (const name of ['UNSAFE_LEGACY_ROWS=1', 'GENERATE_KEYS=1', ...Object.keys(legacy)]) {
      t.match(settings.text, name, 'the page has the settings of this test');
    }
    const keyserver = await runProcess(t, 'keyserver', {
      ...{ ...database, ...files, ...legacy },
      ...{ UNSAFE_LEGACY_ROWS: '1', GENERATE_KEYS: '1' },
    });
    t.ok(
      existsSync(join(files.KEYRING_DIR, 'primary')),
      'a keyring was made over the earlier rows',
    );

    const shell = openShell(t, {
      scratch: join(folder, 'scratch'),
      folder: project,
      environment: { ...typistEnvironment, ...database, ...files, ...legacy },
    });
    await shell.run(await toolInProcess(t));
    const local = `${upstream} --unsafe-plaintext --unsafe-allow-private 127.0.0.0/8`;
    const follow = (place: string) =>
      t.test(place, async (t) => {
        const found = steps.filter((step) => step.place === place);
        t.ok(found.length > 0);
        for (const { commands, output } of found) {
          const typed = commands.replace(/https:\/\/[\w.-]+\.example\.com/g, local);
          const printed = await shell.run(`code=0; {\n${typed}} 2>&1 || code=$?`);
          const code = /no row can be taken over/.test(output ?? '') ? '1\n' : '0\n';
          t.equal(await shell.run('echo $code'), code, commands, { printed });
          if (output !== undefined) t.match(printed, wholeOutputPattern(output), commands);
        }
      });

    await follow('1. Beside it');
    const secureproxy = await runProcess(t, 'secureproxy', {
      PUBLIC_KEY_URL: `${keyserver.origin}/public_key`,
      TOKEN_REQUEST_URL: `${keyserver.origin}/`,
      PROXY_KEY_FILE: join(project, 'dc-1.key'),
      KEYSERVER_TIMEOUT_MS: '30000',
    });
    await follow('2. Types and callers');
    for (const { call, answer } of calls) {
      const ask = () => post(secureproxy.origin, call);
      await pollUntil('SecureProxy answers', ask, (text) => text === answer);
    }
    const atEarlier = earlier.calls();
    t.ok(atEarlier > 0, 'the earlier system serves so far');
    t.same(await connection.query(all), before, 'and its table is as it was');

    caller.moveTo(secureproxy.origin);
    await store('shop-18', 'wildberries', 'made-up-later');
    await follow('4. Take over');
    t.match(await connection.query(all), [{ token: /^skt1\./ }, { token: /^skt1\./ }, {}]);
    await follow('The way back');
    t.match(await connection.query(all), [...before, { client_id: 'shop-18' }]);
    caller.moveTo(earlier.origin);
    await pollUntil('the earlier system serves again', earlier.calls, (n) => n > atEarlier);

    caller.moveTo(secureproxy.origin);
    await follow('4. Take over');
    await keyserver.restart({
      ...{ UNSAFE_LEGACY_ROWS: '0', GENERATE_KEYS: '0', AES_KEY_FILE: '', AES_IV_FILE: '' },
    });
    const { calls: made, failures } = await caller.stop();
    t.same(failures, []);
    t.ok(made > 100, `${made} calls`);
    await follow('5. Close');
    const [dropping = { text: '' }] = blocks.filter(({ language }) => language === 'sql');
    await connection.query(dropping.text);
    const kept = openMysqlStore(options);
    t.teardown(() => kept.close());
    t.equal((await kept.findTokens('shop-18', 'wildberries')).length, 1);
  },
);

t.test('every command of the page stands in a place that the test follows', async (t) => {
  t.same(
    new Set(steps.map(({ place }) => place)),
    new Set(['1. Beside it', '2. Types and callers', '4. Take over', 'The way back', '5. Close']),
  );
  t.equal(steps.length, page.match(/^\$ /gm)?.length);
});
