import type { Test } from 'tap';
import { addGrant } from '../../keyserver/operations/grants.ts';
import { putToken } from '../../keyserver/operations/tokens.ts';
import { putType } from '../../keyserver/operations/types.ts';
import { makeCallerKey } from '../../shared/crypto/caller-key.ts';
import { freePort } from '../support/free-port.ts';
import { startPair } from '../support/pair.ts';
import { plainPolicy, tokenType } from '../support/pair-state.ts';
import { faultPaths, silentPath, startFailingUpstream } from './failing-upstream.ts';
import { type CallerInput, type CallInput, callInputs } from './inputs/calls.ts';
import { type DescribedOperation, describedOperations } from './inputs/described.ts';
import { type HttpAnswer, type HttpInput, Sender } from './inputs/http-input.ts';
import { plainInputs } from './inputs/plain-routes.ts';
import { type FuzzSize, runInputs } from './run-inputs.ts';
import { checkState, measureState, smallHeap } from './service-state.ts';

const clients = ['shop-1', 'магазин', "o'neill"];
const json = [['content-type', 'application/json']] as const;
/** Statuses that faults of the upstream may become. */
const faultStatuses = [502, 503, 504];
/** Content of answers to granted calls only. */
const beyondGrants = /"code":"(?:upstream_\w+|token_not_found|token_expired)"/;
/** Below it, a call that `TimeoutMs` ends is no wonder. */
const patientMs = 60_000;
/** On a busy machine nothing may come late by itself: what is late is a fault that was asked for. */
const patient = { UPSTREAM_HEADERS_TIMEOUT_MS: '30000' };

const callPaths = ['/request_api', '/explain'];

/** SecureProxy answers whatever it is asked, and stays as it was. */
export async function fuzzSecureproxy(t: Test, size: FuzzSize): Promise<void> {
  const absent = { tokenType: 'absent', origin: `http://localhost:${await freePort()}` };
  const upstream = await startFailingUpstream(t, {
    tokens: () => Object.values(pair.tokens),
    appKey: () => pair.appKey,
  });
  const pair = await startPair(t, {
    upstream: upstream.origin,
    clients,
    keyserver: smallHeap,
    secureproxy: { ...smallHeap, ...patient },
    prepare: async ({ admin }) => {
      await putType(admin, absent.tokenType, plainPolicy(absent.origin));
      await addGrant(admin, 'orders', { client: '*', type: absent.tokenType });
      for (const clientId of clients) {
        await putToken(admin, {
          clientId,
          tokenType: absent.tokenType,
          fields: { token: 'unused' },
        });
      }
    },
  });
  const { secureproxy, keyserver, appKey } = pair;
  const pids = { keyserver: keyserver.process.pid, secureproxy: secureproxy.process.pid };
  const secrets = { appKey, proxyKey: pair.proxyKey, ...pair.tokens };
  const calls = {
    clientIds: clients,
    tokenType,
    origin: upstream.origin,
    absent,
    faultPaths,
    silentPath,
  };
  const sender = new Sender(secureproxy.origin, 24);
  t.teardown(() => sender.close());
  const keys: Readonly<Record<CallerInput['key'], string>> = {
    known: appKey,
    unknown: makeCallerKey('spk_'),
    cut: appKey.slice(0, -1),
    none: '',
  };

  const goodInput = (): HttpInput => ({
    method: 'POST',
    path: '/request_api',
    headers: [...json, ['authorization', `Bearer ${appKey}`]],
    body: JSON.stringify({
      ClientId: 'shop-1',
      TokenType: tokenType,
      ApiUri: `${upstream.origin}/v1/orders`,
    }),
  });

  const operations = describedOperations('secureproxy');
  const before = await measureState(secureproxy, sender, goodInput, size.measuredCalls);
  for (const operation of operations) {
    if (callPaths.includes(operation.path)) continue;
    await runInputs(t, size, {
      title: `${operation.method} ${operation.path}`,
      inputs: plainInputs(operation),
      judge: async (input) => {
        const answer = await sender.send(input);
        return answer.status >= 500
          ? `status ${answer.status}: ${answer.text}`
          : (leakOf(answer) ?? operation.faultOf(answer));
      },
      secrets: Object.values(secrets),
    });
  }
  const explain = operationAt(operations, '/explain');
  const sentBefore = upstream.requests();
  let allowed = 0;
  await runInputs(t, size, {
    title: 'POST /explain',
    inputs: callInputs(explain, calls),
    judge: async (input) => {
      const answer = await sender.send(withKey(input));
      const isExplained = answer.status === 200;
      if (answer.text.startsWith('{"allowed":true')) allowed += 1;
      if (isExplained && input.caller.key !== 'known')
        return 'explained to an app that is not known';
      const isLate = answer.status === 504 && isImpatient(input.request.body ?? '');
      return (
        (answer.status >= 500 && !isLate ? `status ${answer.status}: ${answer.text}` : undefined) ??
        leakOf(answer) ??
        explain.faultOf(answer)
      );
    },
    secrets: Object.values(secrets),
  });
  t.comment(`${allowed} of ${size.inputs} calls were explained to be allowed`);
  t.ok(allowed >= size.inputs / 8, 'an eighth would be sent');
  t.equal(upstream.requests(), sentBefore, 'and none was');
  const operation = operationAt(operations, '/request_api');
  let granted = 0;
  const statuses = new Map<number, number>();
  await runInputs(t, size, {
    title: 'POST /request_api',
    inputs: callInputs(operation, calls),
    judge: async (input) => {
      const answer = await sendCall(input);
      if (answer === undefined) return undefined;
      statuses.set(answer.status, (statuses.get(answer.status) ?? 0) + 1);
      const isRelayed = String(answer.headers['proxy-status']).includes('received-status');
      const isGranted = isRelayed || beyondGrants.test(answer.text);
      if (isGranted) granted += 1;
      if (isGranted && input.caller.key !== 'known') return 'granted to an app that is not known';
      return (
        leakOf(answer) ??
        faultOf(input, answer, isRelayed) ??
        (isRelayed ? undefined : operation.faultOf(answer))
      );
    },
    secrets: Object.values(secrets),
  });
  t.comment(`${granted} of ${size.inputs} calls were granted, ${upstream.requests()} arrived`);
  t.comment(`by status: ${JSON.stringify(Object.fromEntries([...statuses].sort()))}`);
  t.ok(granted >= size.inputs / 8, 'an eighth gets past authorization');
  t.same(upstream.wrong, [], 'the upstream got tokens, and no app key');
  const after = await measureState(secureproxy, sender, goodInput, size.measuredCalls);
  checkState(t, secureproxy, pids.secureproxy, { before, after }, secrets);
  checkState(t, keyserver, pids.keyserver, { before, after }, secrets);

  /** The answer; undefined if it broke off before its head had been passed on, by a fault that was asked for. */
  async function sendCall(input: CallInput): Promise<HttpAnswer | undefined> {
    try {
      return await sender.send(withKey(input));
    } catch (error) {
      if (asksForFault(input)) return undefined;
      throw error;
    }
  }

  function asksForFault({ request: { body = '' } }: CallInput): boolean {
    return body.includes('/fault/') || body.includes(absent.origin);
  }

  /** The request with the app key if the input wants it. */
  function withKey({ caller: { key, place }, request }: CallInput): HttpInput {
    const value = keys[key];
    if (value === '') return request;
    const headers: [string, string][] = [];
    if (place === 'bearer' || place === 'both') headers.push(['authorization', `Bearer ${value}`]);
    if (place === 'header') headers.push(['x-api-key', value]);
    const query = `${request.path.includes('?') ? '&' : '?'}key=${value}`;
    const isInQuery = place === 'query' || place === 'both';
    return {
      ...request,
      path: isInQuery ? request.path + query : request.path,
      headers: [...request.headers, ...headers],
    };
  }

  /** The fault of the status, given the faults that the input asked for. */
  function faultOf(input: CallInput, answer: HttpAnswer, isRelayed: boolean): string | undefined {
    const { body = '' } = input.request;
    const isFault = asksForFault(input);
    if (!isRelayed && answer.status >= 500) {
      const isAllowed = faultStatuses.includes(answer.status) && (isFault || isImpatient(body));
      if (!isAllowed) return `status ${answer.status} without a fault: ${answer.text}`;
    }
    return answer.whole || isFault ? undefined : 'the answer broke off';
  }

  function leakOf({ text, headers }: HttpAnswer): string | undefined {
    const everything = text + JSON.stringify(headers);
    const leaked = Object.entries(secrets).find(([, secret]) => everything.includes(secret));
    return leaked && `${leaked[0]} in the answer`;
  }
}

function operationAt(operations: readonly DescribedOperation[], path: string): DescribedOperation {
  const operation = operations.find((one) => one.path === path);
  if (operation === undefined) throw new Error(`${path} is not described`);
  return operation;
}

function isImpatient(body: string): boolean {
  const [, timeout] = /"TimeoutMs":(\d+)/.exec(body) ?? [];
  return timeout !== undefined && Number(timeout) < patientMs;
}
