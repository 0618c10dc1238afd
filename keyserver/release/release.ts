import { Compile } from 'typebox/compile';
import { requestAad, responseAad, sealText } from '../../shared/crypto/exchange.ts';
import { nextBatch } from '../../shared/event-loop.ts';
import type { LogFields } from '../../shared/log/request-log.ts';
import { nameFault } from '../../shared/names.ts';
import { matchingGrants } from '../../shared/policy/grant.ts';
import type { Policy } from '../../shared/policy/schema.ts';
import type { Explanation } from '../../shared/protocol/explanation.ts';
import {
  type Credential,
  CredentialSchema,
  type Release,
  type ReleaseRequest,
} from '../../shared/protocol/messages.ts';
import { secondsLeft } from '../at-rest/secret.ts';
import { checkFresh, checkNamesSession, invalid, openCredential } from '../exchange/credential.ts';
import type { Nonces } from '../exchange/nonces.ts';
import type { Session, Sessions } from '../exchange/sessions.ts';
import type { Registry } from '../registry/registry.ts';
import type { Store } from '../store/store.ts';
import { type Asker, authenticate } from './callers.ts';
import { type Asked, judge, readSecret, type SecretSources } from './decision.ts';
import { explain } from './explain.ts';

const defaultCacheSeconds = 60;
const credentialValidator = Compile(CredentialSchema);

export interface ReleaseDependencies extends SecretSources {
  readonly sessions: Sessions;
  readonly registry: Registry;
  readonly nonces: Nonces;
  readonly store: Store;
}

/**
 * Releases a token: session → who asks → replay → grant and destination → token → sealed answer.
 * A refusal falls before the token is read (docs/protocol.md §4). Where the credential says
 * `explain`, the same steps end in their explanation. Resolves to base64.
 * @throws ServiceError
 */
export async function release(
  dependencies: ReleaseDependencies,
  request: ReleaseRequest,
  log: LogFields,
): Promise<string> {
  await nextBatch();
  const { sessions, registry, nonces, clock } = dependencies;
  checkShape(request);
  checkFresh(request, clock);
  const session = await sessions.open(request);
  const credential = releaseCredential(session, request);
  const asker = authenticate(registry, clock, credential);
  const { clientId, tokenType, nonce } = request;
  log.proxy = asker.proxyId;
  log.app = asker.appId;
  log.client = clientId;
  log.token_type = tokenType;
  const isExplained = credential?.explain === true;
  log[isExplained ? 'explain' : 'release'] = session.source;
  if (session.source === 'rsa' && nonce !== undefined) {
    // By app too, so that one app, which may have no grant at all, fills no memory of another's.
    await nonces.use(JSON.stringify([asker.proxyId, asker.appId]), nonce);
  }
  const grants = matchingGrants(asker.app.grants, clientId, tokenType);
  const asked = { asker, grants, clientId, tokenType, target: credential?.target };
  const answer: Release | Explanation = {
    ...(await (isExplained ? explain : releaseTo)(dependencies, asked)),
    ...(credential && session.issueTicket ? { session: session.issueTicket() } : {}),
  };
  return sealText(session.key, JSON.stringify(answer), responseAad(request));
}

async function releaseTo(dependencies: ReleaseDependencies, asked: Asked): Promise<Release> {
  const { registry, clock } = dependencies;
  const policy = judge(registry, asked);
  const { seq, ageMs } = registry;
  const secret = await readSecret(dependencies, asked);
  return {
    app: asked.asker.appId,
    fields: secret.fields,
    policy,
    grants: [...asked.grants],
    cacheSeconds: cacheSeconds(policy, asked.asker, clock.now()),
    expiresIn: secondsLeft(secret, clock.now()),
    seq,
    ageMs,
  };
}

/** No longer than the keys of who asked, whose end nobody announces. */
function cacheSeconds(
  { cacheSeconds = defaultCacheSeconds }: Policy,
  { keysEndAt }: Asker,
  nowMs: number,
): number {
  return Math.max(0, Math.min(cacheSeconds, Math.floor((keysEndAt - nowMs) / 1000)));
}

/** What the schema cannot say: which members go together, and what names are. */
function checkShape(request: ReleaseRequest): void {
  checkNamesSession(request);
  const { session, credential, timestamp, nonce, clientId, tokenType } = request;
  if ((timestamp === undefined) !== (nonce === undefined)) {
    throw invalid('freshness', 'timestamp and nonce go together.');
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
    '{proxy, app, target, explain}',
  );
  if (content.proxy !== null && content.target === undefined) {
    throw invalid('credential', 'A proxy names the target that the token is for.');
  }
  return content;
}
