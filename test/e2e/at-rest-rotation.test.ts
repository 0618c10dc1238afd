import { spawn } from 'node:child_process';
import { cpSync, readFileSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import t, { type Test } from 'tap';
import { sealSecret } from '../../keyserver/at-rest/secret.ts';
import { loadKeyring } from '../../keyserver/keys/keyring.ts';
import { listTokens } from '../../keyserver/operations/tokens.ts';
import { runTool, startTool } from '../keyserver/admin/tool-process.ts';
import { startCallers } from '../support/callers.ts';
import { scratchDatabase } from '../support/database.ts';
import { freePort } from '../support/free-port.ts';
import { callApi, runKeyserver, runSecureproxy } from '../support/pair.ts';
import {
  makeState,
  mysqlSettings,
  type PairState,
  seed,
  tokenType,
} from '../support/pair-state.ts';
import { showAuthorization, showOf, startPlainUpstream } from '../support/plain-upstream.ts';
import { pollUntil } from '../support/poll-until.ts';
import { startTcpForwarder } from '../support/tcp-forwarder.ts';

t.setTimeout(600_000);

const clients = ['shop-1', 'shop-2', 'shop-3', 'shop-4'];
const otherTokens = 4000;
const batch = 2000;
/** Each call asks KeyServer anew. */
const callPauseMs = 300;

async function fill({ admin }: PairState): Promise<void> {
  for (let from = 0; from < otherTokens; from += batch) {
    const rows = Array.from({ length: batch }, (_, i) =>
      sealSecret(
        admin.keyring,
        { clientId: `other-${from + i}`, tokenType },
        { fields: { token: `secret ${from + i}` } },
      ),
    );
    await admin.store.putTokens({ rows, isSame: () => false, announce: true });
  }
}

/** The status of `/readyz` of a KeyServer that starts with these settings. */
async function readinessOf(t: Test, settings: Readonly<Record<string, string>>) {
  const port = await freePort();
  const child = spawn(process.execPath, [resolve(import.meta.dirname, '../../keyserver/main.ts')], {
    env: { PATH: process.env.PATH, ...settings, PORT: String(port), HOST: '127.0.0.1' },
    stdio: 'ignore',
  });
  t.teardown(() => child.kill('SIGKILL'));
  return () =>
    fetch(`http://127.0.0.1:${port}/readyz`).then(
      async (answer) => ({ status: answer.status, body: await answer.json() }),
      () => undefined,
    );
}

t.test('the at-rest key is changed under calls, and none fails', async (t) => {
  const upstream = await startPlainUpstream(t, showAuthorization);
  const state = await makeState(t, mysqlSettings(await scratchDatabase(t)));
  const seeded = await seed(state, upstream, clients);
  await fill(state);
  const first = state.settings.KEYRING_DIR ?? '';
  const second = join(state.folder, 'keyring-2');
  const before = join(state.folder, 'keyring-before');
  cpSync(first, second, { recursive: true });
  cpSync(first, before, { recursive: true });
  const old = loadKeyring(first).primaryKid;
  const replicas = [
    await runKeyserver(t, state),
    await runKeyserver(t, state, { KEYRING_DIR: second, WORKERS: '2' }),
  ];
  const { port } = await startTcpForwarder(
    t,
    replicas.map((replica) => replica.port),
  );
  const proxy = await runSecureproxy(t, port, seeded.proxyKey, { TOKEN_CACHE_SECONDS: '0' });
  const call = (members = {}, key = seeded.appKey) =>
    callApi(
      proxy.origin,
      { ClientId: 'shop-1', TokenType: tokenType, ApiUri: upstream, ...members },
      { authorization: `Bearer ${key}` },
    );
  // A busy machine is no database that does not answer.
  const environment = { ...state.settings, DB_TIMEOUT_MS: '30000' };
  const tool = (...argv: string[]) => runTool(state.folder, argv, { environment });
  const seen = async (kid: string) =>
    (await state.admin.store.kidCounts()).find((one) => one.kid === kid);

  const made = await tool('keys', 'new', '--json');
  const { key } = JSON.parse(made.stdout);
  const early = await tool('keys', 'promote', key, '--replicas', '2');
  t.equal(early.code, 1);
  t.match(early.stderr, /1 KeyServer confirmed, of 2 that must; .* has not loaded the key/);
  t.equal(readFileSync(join(first, 'primary'), 'utf8').trim(), old);

  // Not before: until now the tool has waited half a minute for a confirmation, and changed nothing.
  const callers = startCallers({ call }, clients, callPauseMs);
  const calls = () => callers.statuses.get(200) ?? 0;
  const more = async () => {
    const goal = calls() + 20;
    await pollUntil('calls succeed', calls, (count) => count >= goal);
  };

  cpSync(join(first, `${key}.key`), join(second, `${key}.key`));
  const promoted = await tool('keys', 'promote', key, '--replicas', '2');
  t.equal(promoted.code, 0, promoted.stderr);
  t.match(promoted.stdout, `${key} is the primary key now; confirmed by`);
  // At once, before any KeyServer seals with the new key itself.
  const created = await tool('app', 'create', 'later');
  await tool('grant', 'add', 'later', '--client', '*', '--type', tokenType);
  const later = created.stdout.trim();
  t.equal((await seen(key))?.documents, 1);
  const statuses: number[] = [];
  const byLater = async () => {
    const answer = await call({ ClientId: 'shop-1' }, later);
    if (answer.status === 200)
      t.same(await answer.json(), showOf(`Bearer ${seeded.tokens['shop-1']}`));
    else await answer.arrayBuffer();
    statuses.push(answer.status);
    return statuses;
  };
  await pollUntil(
    'the grant holds everywhere',
    byLater,
    (all) => all.slice(-10).join() === '200,'.repeat(10).slice(0, -1),
  );
  t.notOk(statuses.includes(401), `no KeyServer refuses its document: ${statuses}`);
  cpSync(join(first, 'primary'), join(second, 'primary'));
  await more();

  await t.test('a KeyServer that starts without it is not ready', async (t) => {
    const ready = await readinessOf(t, { ...state.settings, KEYRING_DIR: before });
    const answer = await pollUntil('it answers', ready, (one) => one !== undefined);
    t.match(answer, { status: 503, body: { checks: { keys: 'missing' }, detail: key } });
    cpSync(join(first, `${key}.key`), join(before, `${key}.key`));
    await pollUntil('it is ready', ready, (one) => one?.status === 200);
  });

  await t.test('rewrap goes on after kill -9', async (t) => {
    const killed = startTool(state.folder, ['rewrap'], { environment });
    const ended = new Promise((done) => killed.once('close', done));
    await pollUntil(
      'some are done',
      () => seen(key),
      (one) => (one?.tokens ?? 0) > 0,
    );
    killed.kill('SIGKILL');
    await ended;
    const left = (await seen(old))?.tokens ?? 0;
    t.comment(`${left} of ${otherTokens + clients.length} tokens were left`);
    const done = await tool('rewrap');
    t.equal(done.code, 0, done.stderr);
    t.match(done.stdout, new RegExp(`^sealed [\\d,]+ tokens? and 0 documents with ${key}$`, 'm'));
    t.same(await state.admin.store.kidCounts(), [
      { kid: key, tokens: otherTokens + clients.length, documents: 4 },
    ]);
    const keyring = loadKeyring(first);
    const tokens = await listTokens({ ...state.admin, keyring });
    t.ok(tokens.every(({ opens, kid }) => opens === true && kid === key));
  });
  await more();

  const soon = await tool('keys', 'retire', old, '--replicas', '2');
  t.equal(soon.code, 1);
  t.match(soon.stderr, /a session that the key sealed may be open until/);
  // Sessions that it sealed are opened anew, which costs no call.
  for (const folder of [first, second]) rmSync(join(folder, `${old}.key`));
  await pollUntil(
    'all have noticed',
    () => replicas.map(({ output }) => output.linesWith({ msg: 'at-rest keys changed: loaded' })),
    (lines) => lines.flat().filter(({ keys }) => String(keys) === key).length === 3,
  );
  await more();
  await callers.stop();
  t.same([...callers.statuses.keys()], [200], JSON.stringify([...callers.statuses]));
  const missing = replicas.flatMap(({ output }) =>
    output.linesWith({ msg: 'at-rest key missing' }),
  );
  t.same(missing, []);
});
