import { requestAad, responseAad, sealText } from '../../shared/crypto/exchange.ts';
import { nextBatch } from '../../shared/event-loop.ts';
import { type LogFields, toMilliseconds } from '../../shared/log/request-log.ts';
import { nameFault } from '../../shared/names.ts';
import { matchingGrants } from '../../shared/policy/grant.ts';
import { injectedFields } from '../../shared/policy/injection/injection.ts';
import type { Explanation } from '../../shared/protocol/explanation.ts';
import {
  type Credential,
  CredentialSchema,
  type Release,
  type ReleaseRequest,
} from '../../shared/protocol/messages.ts';
import { Compile } from '../../shared/schema/compile.ts';
import { secondsLeft } from '../at-rest/secret.ts';
import { checkFresh, checkNamesSession, invalid, openCredential } from '../exchange/credential.ts';
import type { Nonces } from '../exchange/nonces.ts';
import type { QuestionDependencies, Sender } from '../exchange/question.ts';
import type { Session } from '../exchange/sessions.ts';
import type { Registry } from '../registry/registry.ts';
import { cappedByKeys, identify, type Requester } from './callers.ts';
import { judge, readSecret, type SecretSources, type TokenQuery } from './decision.ts';
import { explain } from './explain.ts';

const defaultCacheSeconds = 60;
const credentialValidator = Compile(CredentialSchema);

export interface ReleaseDependencies extends SecretSources, QuestionDependencies {}

/**
 * Releases a token: session → authentication → replay check → grant and destination → token → sealed answer.
 * A call is rejected before its token is read (docs/protocol.md §4). If the credential has `explain`, the
 * answer is an {@link Explanation} of the same steps. Resolves to base64.
 * @throws ServiceError
 */
export async function release(
  dependencies: ReleaseDependencies,
  request: ReleaseRequest,
  sender: Sender,
): Promise<string> {
  await nextBatch();
  const { sessions, nonces, clock } = dependencies;
  const { log, address } = sender;
  checkShape(request);
  checkFresh(request, clock);
  const session = await sessions.open(request, address);
  const credential = releaseCredential(session, request);
  const { requester, position } = await identify(dependencies, credential, sender);
  const { clientId, tokenType, nonce } = request;
  log.client = clientId;
  log.token_type = tokenType;
  const isExplained = credential?.explain === true;
  if (nonce !== undefined) {
    await spendNonce(nonces, session, requester, nonce);
    // `anonymous` proves nothing: any sender that reaches the port has it.
    if (credential?.proxy != null || credential?.app != null) session.acceptPeer?.();
  }
  const grants = matchingGrants(requester.app.grants, clientId, tokenType);
  const target = credential?.probe ? 'probe' : credential?.target;
  const query: TokenQuery = { requester, grants, clientId, tokenType, target };
  const answer: Release | Explanation = {
    ...(await (isExplained
      ? explain(dependencies, query)
      : releaseTo(dependencies, query, position, log))),
    ...(credential && session.issueTicket ? { session: session.issueTicket() } : {}),
  };
  const sealed = sealText(session.key, JSON.stringify(answer), responseAad(request));
  // Not before: the log's releases are those that were answered.
  log[isExplained ? 'explain' : 'release'] = session.source;
  return sealed;
}

/** @throws ServiceError request_stale, overloaded, keyserver_unavailable */
async function spendNonce(
  nonces: Nonces,
  { source }: Session,
  { proxyId, appId }: Requester,
  nonce: string,
): Promise<void> {
  // Per app, too: one app, even without any grant, must not use up the memory of another.
  if (source === 'rsa') await nonces.use(JSON.stringify([proxyId, appId]), nonce);
  // All apps of a proxy share one memory; when it is full it forgets the oldest nonces, so no app is rejected for
  // another's load.
  else nonces.useWithTicket(proxyId === undefined ? `app ${appId}` : `proxy ${proxyId}`, nonce);
}

async function releaseTo(
  dependencies: ReleaseDependencies,
  query: TokenQuery,
  position: Pick<Registry, 'seq' | 'ageMs'>,
  log: LogFields,
): Promise<Release> {
  const { registry, clock } = dependencies;
  const { policy } = judge(registry, query);
  const { cacheSeconds = defaultCacheSeconds } = policy;
  const began = performance.now();
  const secret = await readSecret(dependencies, query, policy).finally(() => {
    log['database.duration_ms'] = toMilliseconds(performance.now() - began);
  });
  const { appId, app } = query.requester;
  return {
    app: appId,
    ...(app.bound && { bound: app.bound }),
    // A field that no request carries must not be lost with a proxy.
    fields: injectedFields(policy.injection, secret.fields),
    policy,
    grants: [...query.grants],
    cacheSeconds: cappedByKeys(cacheSeconds, query.requester, clock.now()),
    expiresIn: secondsLeft(secret, clock.now()),
    ...position,
  };
}

/** Checks that the schema cannot express: combinations of members, and names. */
function checkShape(request: ReleaseRequest): void {
  checkNamesSession(request);
  const { session, credential, timestamp, nonce, clientId, tokenType } = request;
  if ((timestamp === undefined) !== (nonce === undefined)) {
    throw invalid('freshness', 'timestamp and nonce must be sent together.');
  }
  if (nonce === undefined && (credential !== undefined || session !== undefined)) {
    throw invalid(
      'freshness',
      'timestamp and nonce are required with credential and with session.',
    );
  }
  if (session !== undefined && credential === undefined) {
    throw invalid('credential', 'credential is required with session.');
  }
  for (const [name, value] of [
    ['clientId', clientId],
    ['tokenType', tokenType],
  ] as const) {
    const fault = nameFault(value);
    if (fault !== undefined) throw invalid('name', `${name} ${fault}.`);
  }
}

function releaseCredential(session: Session, request: ReleaseRequest): Credential | undefined {
  const { credential, timestamp, nonce, clientId, tokenType } = request;
  if (credential === undefined || timestamp === undefined || nonce === undefined) return undefined;
  const content = openCredential(
    session.key,
    credential,
    requestAad({ clientId, tokenType, timestamp, nonce }),
    credentialValidator,
    '{proxy, app, target, probe, explain}',
  );
  const { proxy, target, probe } = content;
  if (proxy !== null && target === undefined && !probe) {
    throw invalid('credential', 'A proxy must name the target of the call.');
  }
  if (target !== undefined && probe) {
    throw invalid('credential', 'A call has a target or is the probe of its type.');
  }
  return content;
}
