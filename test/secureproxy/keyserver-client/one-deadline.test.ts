import { generateKeyPairSync } from 'node:crypto';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { KeyserverHttp } from '../../../secureproxy/keyserver-client/http.ts';
import { PublicKeys } from '../../../secureproxy/keyserver-client/public-keys.ts';
import { Sessions } from '../../../secureproxy/keyserver-client/sessions.ts';
import { systemClock } from '../../../shared/clock.ts';
import { publicKeyId } from '../../../shared/crypto/rsa-oaep.ts';
import { testClock } from '../../support/clock.ts';
import { someAppKey, startProxy } from '../../support/proxy.ts';

const { publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
const keyAnswer = {
  public_key: publicKey.export({ type: 'spki', format: 'pem' }).toString(),
  keyId: publicKeyId(publicKey),
  algorithm: 'RSA-OAEP-256',
} as const;

type Answers = Readonly<Record<string, (response: ServerResponse) => unknown>>;

/** Asks a server in KeyServer's place, which has until 100 ms before the deadline if it calls `passTime`. */
async function ask(t: Test, answersOf: (passTime: () => void) => Answers) {
  const clock = testClock();
  const answers = answersOf(() => clock.advance(59_900));
  const server = createServer((request, response) => answers[request.url ?? '']?.(response));
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const { client } = await startProxy(t, {
    keyserverUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    retryTimer: { monotonic: clock.monotonic, sleep: async (ms) => clock.advance(50 * ms) },
    settings: { KEYSERVER_TIMEOUT_MS: '60000' },
  });
  const asked = client.whoami({ appKey: someAppKey, trace: {} }).catch((error) => error);
  const outcome = await Promise.race([asked, sleep(20_000, 'waits', { ref: false })]);
  server.close();
  server.closeAllConnections();
  return outcome;
}

const unreachable = { code: 'keyserver_unavailable', options: { reason: 'keyserver_unreachable' } };
const json = (response: ServerResponse, status: number, body: object) =>
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));

t.test('the time of a question includes that of the public key before it', async (t) => {
  const outcome = await ask(t, (passTime) => ({
    '/public_key': (response) => {
      passTime();
      json(response, 200, keyAnswer);
    },
    '/whoami': () => undefined,
  }));
  t.match(outcome, unreachable);
});

t.test('the time of a question includes the public key after a refused session', async (t) => {
  let keys = 0;
  const outcome = await ask(t, (passTime) => ({
    '/public_key': (response) => {
      keys += 1;
      if (keys === 1) json(response, 200, keyAnswer);
    },
    '/whoami': (response) => {
      passTime();
      json(response, 400, { code: 'session_invalid', requestId: 'a' });
    },
  }));
  t.match(outcome, unreachable);
  t.equal(keys, 2);
});

t.test('the time of a question includes the wait for the session of a later one', async (t) => {
  const http = new KeyserverHttp({ connections: 1, timeoutMs: 60_000 });
  const publicKeys = new PublicKeys(async () => keyAnswer, new Set());
  const sessions = new Sessions({ http, publicKeys, clock: systemClock });
  const answer = Promise.withResolvers<object>();
  const later = sessions.use(http.newDeadline(), () => answer.promise);
  const earlier = sessions.use(http.newDeadline() - 59_900, async () => ({}));
  const outcome = earlier.catch((error) => error);
  t.match(await Promise.race([outcome, sleep(20_000, 'waits', { ref: false })]), unreachable);
  answer.resolve({});
  await later;
});
