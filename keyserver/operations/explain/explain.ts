import { pino } from 'pino';
import { ServiceError } from '../../../shared/errors.ts';
import { matchingGrants } from '../../../shared/policy/grant.ts';
import { isLimitedBy, parseLimit } from '../../../shared/policy/limit.ts';
import type { Policy } from '../../../shared/policy/schema.ts';
import { parseTargetUrl } from '../../../shared/policy/url.ts';
import { checkAllowed } from '../../../shared/policy/verdict.ts';
import { Steps } from '../../../shared/protocol/explanation.ts';
import { Registry } from '../../registry/registry.ts';
import { anonymousApp, hasKeyExpired } from '../../release/callers.ts';
import { isRefusal, takeSteps } from '../../release/explain.ts';
import { StoreError } from '../../store/store-error.ts';
import type { OperationContext } from '../context.ts';
import { checkName, listDocuments, readDocument } from '../documents.ts';
import { parseMethod } from '../grants.ts';
import { whetherMeant } from '../names-alike.ts';
import type { Suggestion } from '../suggestion.ts';
import { noToken } from '../tokens.ts';
import { noType } from '../types.ts';
import { type Asked, remedyFor } from './remedies.ts';

/** A call that an operator asks about, not yet validated. */
export interface ExplainRequest {
  readonly app: string;
  /** Id of the proxy that it calls through; absent: one without limits. */
  readonly proxy?: string | undefined;
  readonly client: string;
  readonly type: string;
  readonly method: string;
  readonly url: string;
}

/**
 * Takes the steps that KeyServer would take for a proxy asking on behalf of this app, with the current
 * database and keys. Only the proxy checks addresses, and knows what is left of the limits that an allowed call is under.
 * @throws OperationError not_found, integrity_failed, input_invalid; StoreError
 */
export async function explainCall(context: OperationContext, request: ExplainRequest) {
  const asked = await askedBy(context, request);
  const steps = new Steps();
  steps.begin('authenticate');
  steps.record({ app: request.app });
  try {
    checkKeys(context, asked);
    // Without a log: rejections appear in the steps.
    const registry = new Registry(context.store, context.keyring, pino({ enabled: false }));
    await registry.refresh();
    const { store, keyring, clock, legacyKey } = context;
    const served = context.servesLegacyRows ? legacyKey : undefined;
    const sources = { registry, store, keyring, clock, legacyKey: served };
    const policy = await takeSteps(sources, asked, steps);
    return { allowed: true, steps: steps.taken, limits: limitsOf(policy, steps) };
  } catch (error) {
    if (!(error instanceof ServiceError)) throw error;
    if (error.cause instanceof StoreError) throw error.cause;
    if (error.code !== 'caller_unauthenticated' && !isRefusal(error)) throw error;
    steps.reject(error);
    const { remedy, missing } = await advice(context, error, asked, steps);
    return { allowed: false, steps: steps.taken, missing, remedy };
  }
}

/** Says how to mend a rejected call, and which name of it is not there: an operator may know, callers may not. */
async function advice(
  context: OperationContext,
  error: ServiceError,
  asked: Asked,
  steps: Steps,
): Promise<{ readonly remedy: Suggestion; readonly missing: string | undefined }> {
  const types = await listDocuments(context, 'type');
  const type = types.find(({ id }) => id === asked.tokenType);
  const remedy = await remedyFor(context, error, asked, urlOf(steps), type);
  const missing =
    type === undefined ? noType(asked.tokenType, types) : await missingToken(context, asked);
  return { remedy, missing };
}

async function missingToken(
  { store }: OperationContext,
  asked: Asked,
): Promise<string | undefined> {
  const { clientId, tokenType } = asked;
  if ((await store.findTokens(clientId, tokenType)).length > 0) return undefined;
  return noToken(asked) + whetherMeant(clientId, await store.clients());
}

function urlOf({ taken }: Steps): string | undefined {
  return taken.find(({ step }) => step === 'url')?.url;
}

function limitsOf({ limits = [] }: Policy, steps: Steps): string[] {
  const target = checkAllowed(parseTargetUrl(urlOf(steps) ?? ''));
  const isOver = (limit: string) => isLimitedBy(parseLimit(limit), target);
  return [...new Set(limits)].filter(isOver);
}

async function askedBy(
  context: OperationContext,
  { app: appId, proxy, client, type, method, url }: ExplainRequest,
): Promise<Asked> {
  checkName('client', client);
  checkName('type', type);
  const app = await readDocument(context, 'app', appId);
  const proxyLimits = proxy === undefined ? undefined : await readDocument(context, 'proxy', proxy);
  return {
    requester: { proxyId: proxy ?? 'any', proxyLimits, appId, app, keysExpireAt: Infinity },
    grants: matchingGrants(app.grants, client, type),
    clientId: client,
    tokenType: type,
    target: { method: parseMethod(method), url },
  };
}

function checkKeys({ clock }: OperationContext, { requester: { appId, app } }: Asked): void {
  if (appId === anonymousApp || app.keys.some((key) => !hasKeyExpired(key, clock))) return;
  throw new ServiceError('caller_unauthenticated', {
    reason: 'app_unknown',
    detail: 'All keys of the app have expired.',
  });
}
