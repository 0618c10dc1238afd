import type { IncomingMessage } from 'node:http';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { callerKeyHash, keyFingerprint } from '../../shared/crypto/caller-key.ts';
import { ServiceError } from '../../shared/errors.ts';
import type { Service } from '../../shared/http/service-type.ts';
import type { Binding } from '../../shared/protocol/messages.ts';
import { askForCaller } from '../call/ask-keyserver.ts';
import type { Callers, KnownApp } from '../callers/callers.ts';
import { parseEnvelope } from '../envelope/envelope.ts';
import { headOf } from '../http/caller-head.ts';
import { isLoop } from '../http/via.ts';
import type { BodyBudget } from '../receipt/body-budget.ts';
import { bodyOwnerOf } from '../receipt/body-owner.ts';
import { type BodyReceiver, receiveBody } from '../receipt/receive-body.ts';
import {
  findAppKey,
  hasBegunKey,
  malformedKey,
  type NamedKey,
  namedKey,
  queryOf,
} from './app-key.ts';
import { BodyKeys } from './body-key.ts';
import { checkKeylessHost, checkPage, type TrustedHosts } from './cross-site.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** The caller's app key, found before the call is judged; null if there is none. */
    appKey: string | null;
    /** The client and type that the key's app is bound to; null if KeyServer tells of none. */
    binding: Binding | null;
    /** True if KeyServer accepted the caller's own key; callers without a key are strangers, `anonymous` too. */
    isKnownCaller: boolean;
    /** Gives the body's bytes back to the budget; null if it was not received. */
    giveBodyBack: (() => void) | null;
  }
  interface FastifyInstance {
    /** From `TRUSTED_HOSTS`, after {@link acceptCalls}. */
    readonly trustedHosts: TrustedHosts;
    /** For bodies in memory, likewise. */
    readonly bodyBudget: BodyBudget;
    /** Likewise. */
    readonly bodyKeys: BodyKeys;
  }
}

type BodyParsed = (error: Error | null, body?: unknown) => void;

/** Prepares the app for the routes that take calls; call it once, before them. */
export function acceptCalls(
  app: Service,
  receiver: BodyReceiver,
  trustedHosts: TrustedHosts,
): void {
  app.decorate('trustedHosts', trustedHosts);
  app.decorate('bodyBudget', receiver.budget);
  app.decorate('bodyKeys', new BodyKeys(receiver.budget));
  app.decorateRequest('appKey', null);
  app.addHook('onError', logRefusedKey);
  app.decorateRequest('binding', null);
  app.decorateRequest('isKnownCaller', false);
  app.decorateRequest('giveBodyBack', null);
  app.decorateRequest('keyedBody', null);
  app.removeContentTypeParser('application/json');
  app.addContentTypeParser(
    'application/json',
    // A callback saves a promise per body.
    (request: FastifyRequest, payload: IncomingMessage, done: BodyParsed) => {
      request.giveBodyBack = receiveBody(
        receiver,
        bodyOwnerOf(request),
        payload,
        (error, bytes) => {
          if (bytes === undefined) done(error);
          else parseBody(bytes, done);
        },
      );
    },
  );
}

function parseBody(bytes: Buffer, done: BodyParsed): void {
  let body: unknown;
  try {
    body = parseEnvelope(bytes);
  } catch (error) {
    done(error as Error);
    return;
  }
  done(null, body);
}

/** Names a refused key in the log, so that its owner can be found. */
function logRefusedKey(
  { appKey, logFields }: FastifyRequest,
  _reply: FastifyReply,
  error: Error,
  done: () => void,
): void {
  if (appKey !== null && error instanceof ServiceError && error.code === 'caller_unauthenticated') {
    logFields.key_fingerprint = keyFingerprint(callerKeyHash(appKey));
  }
  done();
}

export interface AdmissionDependencies {
  readonly callers: Pick<Callers, 'known' | 'ask'>;
}

/**
 * Makes the check of a call before its body is read, so that a rejection is cheap, and strangers cost little. If a key
 * is required, a short body may have it, and is searched for it.
 * It throws or passes on a ServiceError.
 */
export function admitCaller(
  { callers }: AdmissionDependencies,
  { isKeyRequired = false }: { readonly isKeyRequired?: boolean } = {},
) {
  return (request: FastifyRequest, reply: FastifyReply, done: (error?: Error) => void): void => {
    const { headers, server } = request;
    checkLoop(request);
    checkPage(headers, server.trustedHosts);
    const query = queryOf(request.originalUrl);
    const key = findAppKey(headOf(request.raw), query);
    const isBegun = () => hasBegunKey(request.raw.rawHeaders, query);
    // Without a body, the request has been read to its end.
    if (!request.raw.readableEnded) reply.raw.on('close', () => request.giveBodyBack?.());
    const identify = ({ appKey, name }: NamedKey) => {
      request.appKey = appKey;
      const admit = (caller: KnownApp | undefined) => {
        request.logFields.app = caller?.app;
        request.binding = caller?.bound ?? null;
        request.isKnownCaller = caller !== undefined && appKey !== null;
        done();
      };
      const caller = callers.known(appKey, name);
      if (caller !== undefined) admit(caller);
      else
        askForCaller(appKey, request, reply, (whoami) => callers.ask(whoami, request.ip)).then(
          admit,
          done,
        );
    };
    if (key.appKey !== null) identify(key);
    else if (isKeyRequired) {
      server.bodyKeys.find(request).then((found) => {
        if (found !== null) identify(namedKey(found));
        else done(isBegun() ? malformedKey() : keyMissing());
      }, done);
    } else {
      if (isBegun()) throw malformedKey();
      checkKeylessHost(headers, server.trustedHosts);
      identify(key);
    }
  };
}

/** The app of a request with a key that KeyServer accepted. */
export function knownApp(
  { callers }: AdmissionDependencies,
  request: IncomingMessage & { originalUrl?: string },
): string | undefined {
  const { url = '', originalUrl = url } = request;
  try {
    const { appKey, name } = findAppKey(headOf(request), queryOf(originalUrl));
    return appKey === null ? undefined : callers.known(appKey, name)?.app;
  } catch {
    // Admission will reject it.
    return undefined;
  }
}

function keyMissing(): ServiceError {
  return new ServiceError('caller_unauthenticated', {
    reason: 'app_key_missing',
    detail:
      'The request has no app key, which begins with spk_: send one in Authorization, or wherever the SDK has its key, in place of the token. In a body, it is found only in JSON and forms of up to 64 KiB with a Content-Length.',
  });
}

/** Rejects calls that have come around in a loop. */
function checkLoop({ headers }: FastifyRequest): void {
  if (!isLoop(headers.via)) return;
  throw new ServiceError('request_invalid', {
    reason: 'loop',
    proxyError: 'proxy_loop_detected',
    detail: 'The call came back to the proxy that sent it.',
  });
}
