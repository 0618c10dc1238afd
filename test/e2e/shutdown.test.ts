import { once } from 'node:events';
import { Agent, request as httpRequest, type IncomingMessage } from 'node:http';
import t from 'tap';
import { startPair, type TestPair } from '../support/pair.ts';
import { tokenType } from '../support/pair-state.ts';
import { startPlainUpstream } from '../support/plain-upstream.ts';
import { pollUntil } from '../support/poll-until.ts';

const inFlight = 8;
const half = 'x'.repeat(100_000);
const uploadBytes = 300_000;

/** Sends `/request_api` on a connection that both would keep; rejects if none can be made. */
async function callKept(pair: TestPair, agent: Agent, ApiUri: string): Promise<IncomingMessage> {
  const sent = httpRequest(`${pair.secureproxy.origin}/request_api`, {
    method: 'POST',
    agent,
    headers: { 'content-type': 'application/json', authorization: `Bearer ${pair.appKey}` },
  });
  sent.end(JSON.stringify({ ClientId: 'shop-1', TokenType: tokenType, ApiUri }));
  const [answer] = (await once(sent, 'response')) as [IncomingMessage];
  return answer;
}

/** Sends the head of a call and the beginning of its body; what it returns sends the rest, and resolves to the status. */
async function beginUpload(pair: TestPair, ApiUri: string) {
  const body = JSON.stringify({
    ClientId: 'shop-1',
    TokenType: tokenType,
    ApiUri,
    Body: 'x'.repeat(uploadBytes),
  });
  const sent = httpRequest(`${pair.secureproxy.origin}/request_api`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      'content-length': body.length,
      authorization: `Bearer ${pair.appKey}`,
      expect: '100-continue',
    },
  });
  sent.flushHeaders();
  await once(sent, 'continue');
  sent.write(body.slice(0, 1000));
  return async (): Promise<number | undefined> => {
    sent.end(body.slice(1000));
    const [answer] = (await once(sent, 'response')) as [IncomingMessage];
    answer.resume();
    return answer.statusCode;
  };
}

async function bodyLength(answer: IncomingMessage): Promise<number> {
  let length = 0;
  for await (const chunk of answer) length += chunk.length;
  return length;
}

t.test('SIGTERM lets calls in flight finish, and takes no new ones', async (t) => {
  const waiting: (() => void)[] = [];
  let uploaded = 0;
  const upstream = await startPlainUpstream(t, (request, response) => {
    request.on('data', ({ length }: Buffer) => {
      uploaded += length;
    });
    if (request.url !== '/slow') {
      request.on('end', () => response.end());
      return;
    }
    response.write(half);
    waiting.push(() => response.end(half));
  });
  const pair = await startPair(t, { upstream });
  const { process: proxy, output, origin } = pair.secureproxy;
  const agent = new Agent({ keepAlive: true, maxSockets: inFlight + 1 });
  t.teardown(() => agent.destroy());
  const slow = Array.from({ length: inFlight }, () => callKept(pair, agent, `${upstream}/slow`));
  // One that has ended leaves a connection that is idle.
  (await callKept(pair, agent, `${upstream}/fast`)).resume();
  await pollUntil(
    'calls reach the upstream',
    () => waiting.length,
    (count) => count === inFlight,
  );
  const lengths = slow.map(async (answer) => bodyLength(await answer));
  await Promise.all(slow);

  const endUpload = await beginUpload(pair, `${upstream}/fast`);
  process.kill(proxy.pid ?? 0, 'SIGTERM');
  await pollUntil(
    'the proxy stops',
    () => output.linesWith({ msg: 'stopping' }),
    (lines) => lines.length > 0,
  );
  await pollUntil(
    'new connections are refused',
    () =>
      fetch(`${origin}/healthz`, { headers: { connection: 'close' } }).then(
        ({ status }) => status,
        () => 'refused',
      ),
    (status) => status === 'refused',
  );
  t.equal(output.linesWith({ msg: 'stopped' }).length, 0, 'it waits for calls in flight');
  t.equal(await endUpload(), 200, 'an upload that began before the signal is taken whole');
  t.equal(uploaded, uploadBytes);
  for (const finish of waiting) finish();
  t.same(await Promise.all(lengths), Array(inFlight).fill(2 * half.length), 'all came whole');
  let exited = '';
  void proxy.exited.then((how) => {
    exited = how;
  });
  // Well below the 72 s that kept connections would live on.
  await pollUntil(
    'the process ends',
    () => exited,
    (how) => how !== '',
    30_000,
  );
  t.equal(exited, 'code 0');
  t.equal(output.linesWith({ msg: 'stopped' }).length, 1);
});
