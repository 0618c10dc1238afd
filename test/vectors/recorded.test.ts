import { globSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { text } from 'node:stream/consumers';
import t, { type Test } from 'tap';
import { openSqliteStore } from '../../keyserver/store/sqlite/sqlite.ts';
import { importKey } from '../../shared/crypto/aead.ts';
import {
  changesResponseAad,
  openText,
  responseAad,
  whoamiResponseAad,
} from '../../shared/crypto/exchange.ts';
import { testClock } from '../support/clock.ts';
import { startKeyserver } from '../support/keyserver.ts';
import { startProxy } from '../support/proxy.ts';
import {
  fixRandom,
  questions,
  type RecordedExchange,
  type Recording,
  recordedKeys,
} from './source/recording.ts';

const files = globSync('recorded/*/exchanges.json', { cwd: import.meta.dirname });
const recordings = files.map(
  (file): Recording => JSON.parse(readFileSync(join(import.meta.dirname, file), 'utf8')),
);

t.test('there is a recording of every question', async (t) => {
  t.ok(recordings.length > 0);
  for (const { conversations } of recordings) {
    t.ok(conversations.flatMap((one) => one.questions).length >= 10);
  }
});

function clockAt(at: number) {
  const clock = testClock();
  clock.step(at - clock.now());
  return clock;
}

/** KeyServer of today with the database of the recording. */
async function restoredKeyserver(t: Test, { at, state }: Recording) {
  const folder = t.testdir({});
  const DB_FILE = join(folder, 'store.db');
  const store = openSqliteStore({ file: DB_FILE, tokenTable: 'storage', timeoutMs: 5_000 });
  await store.migrate();
  await store.close();
  const database = new DatabaseSync(DB_FILE);
  for (const [table, rows] of Object.entries({
    storage: state.storage,
    documents: state.documents,
  })) {
    for (const row of rows) {
      const columns = Object.keys(row);
      const places = columns.map(() => '?').join();
      const insert = database.prepare(`INSERT INTO ${table} (${columns}) VALUES (${places})`);
      insert.run(...Object.values(row));
    }
  }
  database.prepare('UPDATE change_counter SET seq = ?').run(state.seq);
  database.prepare('UPDATE change_history SET history = ?').run(state.history);
  database.close();
  const clock = clockAt(at);
  const settings = { ...recordedKeys(folder), DB_FILE };
  const keyserver = await startKeyserver(t, { clock, pollClock: clock, settings });
  clock.advance(6_000);
  clock.step(-6_000);
  await keyserver.store.putToken(state.putLater);
  await keyserver.refresh();
  return keyserver;
}

/** The members of a sealed answer, besides those that are another each time. */
function openedBy(sessionByte: number, { path, request }: RecordedExchange, answer: string) {
  const { clientId, tokenType, nonce } = JSON.parse(request);
  const aad = {
    '/changes': () => changesResponseAad({ nonce }),
    '/whoami': () => whoamiResponseAad({ nonce }),
    '/': () => responseAad({ clientId, tokenType, nonce }),
  }[path];
  if (aad === undefined) throw new Error(`an answer of ${path}`);
  const key = importKey(Buffer.alloc(32, sessionByte));
  const opened = JSON.parse(openText(key, JSON.parse(answer).token, aad()));
  // An earlier proxy ignores the last ones.
  const { session, ageMs, takesMore: _, processes: __, ...rest } = opened;
  return { ...rest, hasAge: ageMs !== undefined, expiresIn: session?.expiresIn };
}

for (const recording of recordings) {
  t.test(`SecureProxy of ${recording.version} is answered by today's KeyServer`, async (t) => {
    const { url } = await restoredKeyserver(t, recording);
    for (const { questions: asked } of recording.conversations) {
      const sessionByte = asked[0]?.random ?? 0;
      for (const { name, exchanges } of asked) {
        for (const exchange of exchanges) {
          const { path, request, status, answer } = exchange;
          const what = `${name}: ${path}`;
          const answered = await fetch(url + path, {
            method: 'POST',
            ...(request !== '' && {
              headers: { 'content-type': 'application/json' },
              body: request,
            }),
          });
          const now = await answered.text();
          if (!t.equal(answered.status, status, `${what} ${now}`)) continue;
          if (path === '/public_key') t.strictSame(JSON.parse(now), JSON.parse(answer), what);
          else if (status === 200) {
            t.strictSame(
              openedBy(sessionByte, exchange, now),
              openedBy(sessionByte, exchange, answer),
              what,
            );
          } else {
            const { code, status: told } = JSON.parse(answer);
            t.match(JSON.parse(now), { code, status: told }, what);
          }
        }
      }
    }
  });

  t.test(`KeyServer of ${recording.version} is understood by today's SecureProxy`, async (t) => {
    const { appKey, proxyKey, state, conversations } = recording;
    let expected: RecordedExchange[] = [];
    const line = createServer(async (request, response) => {
      const body = await text(request);
      const next = expected.shift();
      t.equal(request.url, next?.path);
      t.strictSame(fixed(body), fixed(next?.request ?? ''), 'the same request as then');
      response.writeHead(next?.status ?? 500, { 'content-type': 'application/json' });
      response.end(next?.answer);
    });
    await new Promise<void>((done) => line.listen(0, '127.0.0.1', done));
    t.teardown(() => line.close());
    const keyserverUrl = `http://127.0.0.1:${(line.address() as AddressInfo).port}`;
    for (const { questions: asked } of conversations) {
      const clock = clockAt(recording.at);
      const { client } = await startProxy(t, { keyserverUrl, proxyKey, clock });
      for (const { name, random, exchanges, outcome } of asked) {
        fixRandom(random);
        expected = [...exchanges];
        const answer = await questions[name](client, { appKey, state }).catch(
          ({ code, options }) => ({ code, reason: options?.reason }),
        );
        t.same(answer, outcome, name);
        t.same(expected, [], `${name}: all was asked`);
      }
    }
  });
}

/** A request without its wrapped key, which no two have in common, but with its length. */
function fixed(request: string): unknown {
  if (request === '') return {};
  const { sessionKey, ...rest } = JSON.parse(request);
  return { ...rest, wrapped: sessionKey?.length };
}
