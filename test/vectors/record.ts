/**
 * Records the exchanges of this version: `node test/vectors/record.ts`. A recording stays as it is, also when the
 * formats change: test/vectors/recorded.test.ts shows that both services still understand those of earlier versions.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { text } from 'node:stream/consumers';
import type { Test } from 'tap';
import { testClock } from '../support/clock.ts';
import { startKeyserver } from '../support/keyserver.ts';
import { startProxy } from '../support/proxy.ts';
import {
  type Conversation,
  fixRandom,
  type QuestionName,
  questions,
  type RecordedExchange,
  type RecordedQuestion,
  type RecordedState,
  recordedKeys,
} from './source/recording.ts';

const at = 1_790_000_000_000;
/** From caller-key.json. */
const appKey = 'spk_ExampleExampleExampleExample00400KaA';
const proxyKey = 'spx_ExampleExampleExampleExample000G5bUK';

const closings: (() => unknown)[] = [];
const closing = { teardown: (close: () => unknown) => closings.push(close) } as unknown as Test;
const folder = mkdtempSync(join(tmpdir(), 'recording-'));
closings.push(() => rmSync(folder, { recursive: true }));
const { version } = JSON.parse(
  readFileSync(new URL('../../package.json', import.meta.url), 'utf8'),
);

const clock = testClock();
clock.step(at - clock.now());
const DB_FILE = join(folder, 'store.db');
const keyserver = await startKeyserver(closing, {
  clock,
  pollClock: clock,
  settings: { ...recordedKeys(folder), DB_FILE },
});
await keyserver.putType('market', { redactMembers: ['access_token'], cacheSeconds: 60 });
await keyserver.putToken('shop-1', 'market', 'made-up-token-of-shop-1');
await keyserver.putApp('orders', { key: appKey, grants: [{ client: 'shop-1', type: '*' }] });
await keyserver.putProxy('edge', proxyKey);
await keyserver.refresh();
// Longer than a new history is told as one.
clock.advance(6_000);
clock.step(-6_000);
const state = await changedState();
await keyserver.refresh();

let exchanges: RecordedExchange[] = [];
const line = createServer(async (request, response) => {
  const body = await text(request);
  const { url: path = '' } = request;
  const init = { method: request.method ?? '', headers: { 'content-type': 'application/json' } };
  const sent = path === '/public_key' ? { method: 'POST' } : { ...init, body };
  const answered = await fetch(keyserver.url + path, sent);
  const answer = await answered.text();
  exchanges.push({ path, request: body, status: answered.status, answer });
  response.writeHead(answered.status, { 'content-type': 'application/json' }).end(answer);
});
await new Promise<void>((done) => line.listen(0, '127.0.0.1', done));
closings.push(() => line.close());
const keyserverUrl = `http://127.0.0.1:${(line.address() as AddressInfo).port}`;

let random = 0;
const names = Object.keys(questions) as QuestionName[];
const conversations: Conversation[] = [];
// Each question once as the first of a session, and once with a ticket.
for (const list of [names, ...names.map((name) => [name])]) {
  const { client } = await startProxy(closing, { keyserverUrl, proxyKey, clock });
  const asked: RecordedQuestion[] = [];
  for (const name of list) {
    random += 1;
    fixRandom(random);
    exchanges = [];
    const outcome = await questions[name](client, { appKey, state }).catch(
      ({ code, options: { reason } }) => ({ code, reason }),
    );
    asked.push({ name, random, exchanges, outcome });
  }
  conversations.push({ questions: asked });
}

const about =
  'What SecureProxy and KeyServer of this version said to each other. Made-up keys and tokens, which belong to nobody.';
const recording = { about, version, at, appKey, proxyKey, state, conversations };
const into = new URL(`recorded/${version}/`, import.meta.url);
mkdirSync(into, { recursive: true });
writeFileSync(new URL('exchanges.json', into), `${JSON.stringify(recording, null, 2)}\n`);
for (const close of closings.reverse()) await close();

/** The rows as they are, after which a token is put. */
async function changedState(): Promise<RecordedState> {
  const database = new DatabaseSync(DB_FILE);
  const rows = (sql: string) =>
    database
      .prepare(sql)
      .all()
      .map((row) => ({ ...row }));
  const { seq, history } = await keyserver.store.position();
  const storage = rows('SELECT * FROM storage') as Record<string, string>[];
  const documents = rows('SELECT * FROM documents') as Record<string, string | number>[];
  await keyserver.putToken('shop-2', 'market', 'made-up-token-of-shop-2');
  const [putLater] = await keyserver.store.findTokens('shop-2', 'market');
  database.close();
  if (putLater === undefined) throw new Error('the token is not there');
  return { seq, history, storage, documents, putLater };
}
