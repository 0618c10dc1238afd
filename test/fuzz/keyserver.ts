import type { Test } from 'tap';
import { systemClock } from '../../shared/clock.ts';
import { makeCallerKey } from '../../shared/crypto/caller-key.ts';
import type { PublicKeyAnswer } from '../../shared/protocol/messages.ts';
import {
  type Ask,
  ask,
  type ClientSession,
  newNonce,
  newSession,
  openRelease,
  releaseRequest,
  ticketSession,
} from '../support/exchange-client.ts';
import { runKeyserver } from '../support/pair.ts';
import { makeState, seed, tokenType } from '../support/pair-state.ts';
import { describedOperations } from './inputs/described.ts';
import { type HttpAnswer, type HttpInput, Sender } from './inputs/http-input.ts';
import { plainInputs } from './inputs/plain-routes.ts';
import {
  type CallerKind,
  releaseInputs,
  type SealedInput,
  tamper,
  type UnsealedInput,
} from './inputs/releases.ts';
import { type FuzzSize, runInputs } from './run-inputs.ts';
import { checkState, measureState, smallHeap } from './service-state.ts';

const clients = ['shop-1', 'магазин', "o'neill"];
const origin = 'https://api.marketplace.example';
const json = [['content-type', 'application/json']] as const;
/** Content of answers to granted requests only. */
const beyondGrants = /"code":"(?:token_not_found|token_expired|type_not_found|integrity_failed)"/;

/** KeyServer answers whatever it is asked, and stays as it was. */
export async function fuzzKeyserver(t: Test, size: FuzzSize): Promise<void> {
  const state = await makeState(t);
  const { proxyKey, appKey, tokens } = await seed(state, origin, clients);
  const secrets = { proxyKey, appKey, ...tokens };
  const keyserver = await runKeyserver(t, state, smallHeap);
  const { pid } = keyserver.process;
  const sender = new Sender(keyserver.origin, 24);
  t.teardown(() => sender.close());
  const operations = describedOperations('keyserver');

  const keys: Readonly<Record<CallerKind, { proxy: string | null; app: string | null }>> = {
    known: { proxy: proxyKey, app: appKey },
    unknown: { proxy: makeCallerKey('spx_'), app: makeCallerKey('spk_') },
    cut: { proxy: proxyKey.slice(0, -1), app: appKey.slice(0, -1) },
    none: { proxy: null, app: null },
  };

  const published = await sender.send({ method: 'GET', path: '/public_key', headers: [] });
  const { public_key: publicKeyPem, keyId } = JSON.parse(published.text) as PublicKeyAnswer;
  let ticket = await newTicket();
  let ticketTakenAt = performance.now();
  /** Half of the time for which a ticket is good; all inputs may take longer. */
  const ticketMs = 300_000;

  async function renewTicket(): Promise<void> {
    if (performance.now() - ticketTakenAt < ticketMs) return;
    ticketTakenAt = performance.now();
    ticket = await newTicket();
  }

  async function newTicket(): Promise<ClientSession> {
    const asked = await ask(
      {
        url: keyserver.origin,
        clock: systemClock,
        rsaKeys: { primary: { publicKeyPem, keyId }, unwrapper: () => undefined },
      },
      {
        clientId: 'shop-1',
        tokenType,
        credential: {
          proxy: proxyKey,
          app: appKey,
          target: { method: 'GET', url: `${origin}/v1` },
        },
      },
    );
    return ticketSession(asked);
  }

  const release = (body: string, headers: HttpInput['headers'] = json): HttpInput => ({
    method: 'POST',
    path: '/',
    headers,
    body,
  });

  const good: Ask = {
    clientId: 'shop-1',
    tokenType,
    credential: { proxy: proxyKey, app: appKey, target: { method: 'GET', url: `${origin}/v1` } },
  };
  const goodInput = () => release(JSON.stringify(releaseRequest(ticket, good, systemClock)));

  const before = await measureState(keyserver, sender, goodInput, size.measuredCalls);
  for (const operation of operations) {
    if (operation.path === '/') continue;
    await runInputs(t, size, {
      title: `${operation.method} ${operation.path}`,
      inputs: plainInputs(operation),
      judge: async (input) => judge(operation.faultOf, await sender.send(input)),
      secrets: Object.values(secrets),
    });
  }
  const operation = operations.find(({ path }) => path === '/');
  let granted = 0;
  await runInputs<SealedInput | UnsealedInput>(t, size, {
    title: 'POST /',
    inputs: releaseInputs(operation?.body ?? {}, { clientIds: clients, tokenType, origin }),
    judge: async (input) => {
      if (input.kind === 'unsealed') {
        const answer = await sender.send(release(input.body, input.headers));
        return answer.status === 200 ? 'a release for nobody' : judge(operation?.faultOf, answer);
      }
      const { answer, fault } = await sendSealed(input);
      if (answer.status === 200 || beyondGrants.test(answer.text)) granted += 1;
      return fault ?? judge(operation?.faultOf, answer);
    },
    secrets: Object.values(secrets),
  });
  t.comment(`${granted} of ${size.inputs} requests were granted`);
  t.ok(granted >= size.inputs / 8, 'an eighth gets past authorization');
  await renewTicket();
  const after = await measureState(keyserver, sender, goodInput, size.measuredCalls);
  checkState(t, keyserver, pid, { before, after }, secrets);

  async function sendSealed(input: SealedInput): Promise<{ answer: HttpAnswer; fault?: string }> {
    const { clientId, tokenType, credential, nonce, skewSeconds, tampered } = input;
    await renewTicket();
    const session = input.session === 'new' ? newSession(publicKeyPem) : ticket;
    const content =
      'text' in credential
        ? credential.text
        : {
            proxy: keys[credential.proxy].proxy,
            app: keys[credential.app].app,
            target: credential.target,
            explain: credential.explain,
          };
    const timestamp = Math.floor(systemClock.now() / 1000) + skewSeconds;
    const asked: Ask = {
      clientId,
      tokenType,
      credential: content,
      timestamp: Math.max(timestamp, 0),
      // Shrinking tries the same nonce again, which must not be the fault.
      nonce: input.session === 'new' ? newNonce() : nonce,
    };
    const request = releaseRequest(session, asked, systemClock);
    const sent = tampered === null ? request : tamper(request, tampered);
    const answer = await sender.send(release(JSON.stringify(sent)));
    if (answer.status !== 200) return { answer };
    if ('text' in credential || credential.proxy !== 'known' || credential.app !== 'known') {
      return { answer, fault: 'a release for a caller that is not known' };
    }
    const opened = openRelease(session, request, { ...answer, headers: new Headers() });
    if (credential.explain) {
      const isTold = JSON.stringify(opened).includes(tokens[clientId] ?? 'fields');
      return isTold ? { answer, fault: 'an explanation with the token' } : { answer };
    }
    return opened.fields.token === tokens[clientId]
      ? { answer }
      : { answer, fault: "the release is not the client's token" };
  }

  /** The fault of an answer: an error of the service, an undescribed form, or a secret in it. */
  function judge(
    faultOf: ((answer: HttpAnswer) => string | undefined) | undefined,
    answer: HttpAnswer,
  ): string | undefined {
    if (answer.status >= 500) return `status ${answer.status}: ${answer.text}`;
    if (!answer.whole) return 'the answer broke off';
    const everything = answer.text + JSON.stringify(answer.headers);
    if (Object.values(secrets).some((secret) => everything.includes(secret)))
      return 'a secret in it';
    return faultOf?.(answer);
  }
}
