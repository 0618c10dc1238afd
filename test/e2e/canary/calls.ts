import { connect } from 'node:net';
import { makeCallerKey } from '../../../shared/crypto/caller-key.ts';
import { callApi } from '../../support/pair.ts';
import { paths, silent } from './hostile-answers.ts';
import { types } from './plant.ts';

export interface Target {
  readonly secureproxy: string;
  readonly keyserver: string;
  readonly upstream: string;
  readonly appKey: string;
  /** Values that callers send for the marketplace's eyes only. */
  readonly callerSecret: string;
}

/** Texts of all problems that were answered. */
export type Problems = string[];

const brokenClients = ['damaged', 'no-json', 'other-shape', 'line-break', 'unfilled', 'expired'];
const moreClients = ['legacy', 'legacy-cut', 'nobody'];

const groups = [
  ...[upstreamCalls, storedCalls, deniedCalls, malformedCalls, explainedCalls],
  ...[keyserverCalls, misplacedKeys],
];

/** Makes calls that end in every way there is; resolves to what the services said of it. */
export async function callInEveryWay(target: Target): Promise<Problems> {
  const problems: Problems = [];
  for (const group of groups) problems.push(...(await problemsOf(group(target))));
  await callPastHttp(target);
  return problems;
}

/** Makes the same calls all at once, for an outage, in which each waits for KeyServer. */
export async function callInOutage(target: Target): Promise<Problems> {
  const problems = await problemsOf(groups.flatMap((group) => group(target)));
  await callPastHttp(target);
  return problems;
}

async function problemsOf(calls: readonly Promise<Response>[]): Promise<Problems> {
  // An answer that broke off breaks off the caller's, too.
  const answers = await Promise.allSettled(calls.map(readProblem));
  return answers.flatMap((answer) =>
    answer.status === 'fulfilled' && answer.value !== undefined ? [answer.value] : [],
  );
}

async function callPastHttp(target: Target): Promise<void> {
  await hangUp(target);
  await Promise.all(
    [target.secureproxy, target.keyserver].map((origin) => sayNoHttp(origin, target)),
  );
}

/** A service's own text: a problem, or an explanation. */
async function readProblem(call: Promise<Response>): Promise<string | undefined> {
  const answer = await call;
  const text = await answer.text();
  const isOwn =
    answer.headers.get('content-type')?.includes('problem') || answer.url.endsWith('/explain');
  return isOwn ? text : undefined;
}

function call(
  { secureproxy, upstream, appKey, callerSecret }: Target,
  members: Record<string, unknown>,
  headers: Record<string, string> = {},
  path?: string,
): Promise<Response> {
  return callApi(
    secureproxy,
    {
      ClientId: 'shop-1',
      TokenType: 'headers',
      ApiUri: `${upstream}/ok`,
      Headers: { 'X-Of-Caller': callerSecret, Cookie: callerSecret },
      Body: { secret: callerSecret },
      ...members,
    },
    { authorization: `Bearer ${appKey}`, 'x-of-caller': callerSecret, ...headers },
    path,
  );
}

function explainedCalls(target: Target): Promise<Response>[] {
  const explain = (members: Record<string, unknown>) => call(target, members, {}, '/explain');
  return [
    ...types.map((TokenType) => explain({ TokenType })),
    ...[...brokenClients, ...moreClients].map((ClientId) => explain({ ClientId })),
    explain({ TokenType: 'no-such-type' }),
    explain({ ApiUri: 'https://elsewhere.example.com/' }),
    explain({ Headers: { 'X-Broken': `${target.callerSecret}\r\n` } }),
    call(target, {}, { authorization: `Bearer ${makeCallerKey('spk_')}` }, '/explain'),
  ];
}

function upstreamCalls(target: Target): Promise<Response>[] {
  return types.flatMap((TokenType) =>
    paths.map((path) =>
      call(target, {
        TokenType,
        ApiUri: `${target.upstream}${path}`,
        ...(path === silent && { TimeoutMs: 300 }),
      }),
    ),
  );
}

function storedCalls(target: Target): Promise<Response>[] {
  return [...brokenClients, ...moreClients].map((ClientId) => call(target, { ClientId }));
}

function deniedCalls(target: Target): Promise<Response>[] {
  const { upstream, callerSecret } = target;
  const query = encodeURIComponent(callerSecret);
  return [
    call(target, { TokenType: 'down', ApiUri: 'http://127.0.0.1:9/' }),
    call(target, { ApiUri: `https://elsewhere.example.com/?secret=${query}` }),
    call(target, { ApiUri: `${upstream}/ok?secret=${query}` }),
    call(target, { ApiUri: `${upstream}/ok?key=${query}`, TokenType: 'query' }),
    call(target, { ApiUri: `${upstream.replace('//', `//user:${query}@`)}/ok` }),
    call(target, { ApiUri: `not a url ${callerSecret}` }),
    call(target, { TokenType: 'no-such-type' }),
    call(target, {}, { authorization: `Bearer ${makeCallerKey('spk_')}` }),
    call(target, {}, { authorization: `Bearer ${target.appKey}x` }),
    call(target, {}, { 'x-second-key': target.appKey }),
    call(target, { Headers: { Authorization: target.appKey } }),
    call(target, { Headers: { 'X-Broken': `${callerSecret}\r\n` } }),
    call(target, { Headers: { [callerSecret]: 'x' } }),
    call(target, {}, { via: '1.1 secureproxy' }),
  ];
}

function malformedCalls(target: Target): Promise<Response>[] {
  const { callerSecret, appKey, secureproxy } = target;
  const post = (body: string, type = 'application/json', path = '/request_api') =>
    fetch(secureproxy + path, {
      method: 'POST',
      headers: { 'content-type': type, authorization: `Bearer ${appKey}` },
      body,
    });
  return [
    post(`{"ClientId": "${callerSecret}`),
    post(JSON.stringify(callerSecret)),
    post(JSON.stringify({ [callerSecret]: callerSecret })),
    post(callerSecret, 'text/plain'),
    post(callerSecret, 'application/json', `/elsewhere?secret=${encodeURIComponent(callerSecret)}`),
    post(callerSecret, 'application/json', '/%zz'),
    call(target, { Method: callerSecret }),
    call(target, { ClientId: [callerSecret] }),
    call(target, { BodyBase64: callerSecret, Body: undefined }),
    call(target, { Body: callerSecret.repeat(400_000) }),
  ];
}

function keyserverCalls({ keyserver, callerSecret }: Target): Promise<Response>[] {
  const post = (body: string, path = '/') =>
    fetch(keyserver + path, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: callerSecret },
      body,
    });
  const names = { clientId: 'shop-1', tokenType: 'headers' };
  return [
    post(`{"clientId": "${callerSecret}`),
    post(JSON.stringify({ ...names, sessionKey: callerSecret })),
    post(JSON.stringify({ ...names, session: callerSecret })),
    post(JSON.stringify({ ...names, [callerSecret]: callerSecret })),
    post('{}', `/elsewhere?secret=${encodeURIComponent(callerSecret)}`),
    post(JSON.stringify({ filler: callerSecret.repeat(5000) })),
  ];
}

/** The app key in places that the log has. */
function misplacedKeys(target: Target): Promise<Response>[] {
  const { appKey, keyserver, secureproxy } = target;
  const forward = (path: string) =>
    fetch(`${secureproxy}/forward/${path}`, { headers: { authorization: `Bearer ${appKey}` } });
  return [
    call(target, {}, { 'x-request-id': appKey }),
    call(target, { ClientId: appKey }),
    call(target, { TokenType: `the ${appKey}` }, {}, '/explain'),
    callApi(secureproxy, { ClientId: appKey, TokenType: 'headers' }, { key: appKey }, '/check'),
    forward(`${appKey}/headers/ok`),
    forward(`shop-1/${appKey}/ok`),
    callApi(keyserver, { clientId: appKey, tokenType: appKey }, { 'x-request-id': appKey }, '/'),
  ];
}

async function hangUp(target: Target): Promise<void> {
  const aborted = AbortSignal.timeout(200);
  await fetch(`${target.secureproxy}/request_api`, {
    method: 'POST',
    signal: aborted,
    headers: { 'content-type': 'application/json', authorization: `Bearer ${target.appKey}` },
    body: JSON.stringify({
      ClientId: 'shop-1',
      TokenType: 'headers',
      ApiUri: target.upstream + silent,
    }),
  }).catch(() => {});
}

/** Bytes that only look like a request, with secrets in them. */
async function sayNoHttp(origin: string, { appKey, callerSecret }: Target): Promise<void> {
  const { hostname, port } = new URL(origin);
  const socket = connect(Number(port), hostname);
  const closed = new Promise((done) => socket.once('close', done));
  socket.on('error', () => {});
  socket.resume();
  socket.end(`GET /?k=${appKey} HTTP/1.1\r\nHost: x\r\nNo header ${callerSecret}\r\n\r\n`);
  await closed;
}
