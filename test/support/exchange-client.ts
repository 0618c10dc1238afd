import { createPublicKey, type KeyObject, randomBytes } from 'node:crypto';
import type { Clock } from '../../shared/clock.ts';
import { importKey } from '../../shared/crypto/aead.ts';
import { openText, requestAad, responseAad, sealText } from '../../shared/crypto/exchange.ts';
import { wrapKey } from '../../shared/crypto/rsa-oaep.ts';
import type { Problem } from '../../shared/http/problem.ts';
import type { Release, ReleaseRequest } from '../../shared/protocol/messages.ts';
import type { TestKeyserver } from './keyserver.ts';

/** A session key, and what a request names it by: the wrapped key, or a ticket. */
export interface ClientSession {
  readonly key: KeyObject;
  readonly named: { readonly sessionKey: string } | { readonly session: string };
}

/** Makes a new session for whoever has the private key. */
export function newSession(publicKeyPem: string, raw: Uint8Array = randomBytes(32)): ClientSession {
  const wrapped = wrapKey(createPublicKey(publicKeyPem), raw);
  return { key: importKey(raw), named: { sessionKey: wrapped.toString('base64') } };
}

/** A caller's request; without a credential it is the bare request of three members. */
export interface Ask {
  readonly clientId: string;
  readonly tokenType: string;
  /** Sealed as it is, wrong members too; a text goes unchanged. */
  readonly credential?: object | string;
  /** Unix seconds; default now. */
  readonly timestamp?: number;
  /** Default a new one. */
  readonly nonce?: string;
  readonly keyId?: string;
}

export function newNonce(): string {
  return randomBytes(16).toString('base64url');
}

/** Builds the body of `POST /` under a session. */
export function releaseRequest(session: ClientSession, ask: Ask, clock: Clock): ReleaseRequest {
  const { clientId, tokenType, credential, keyId } = ask;
  const base = { ...session.named, clientId, tokenType, ...(keyId === undefined ? {} : { keyId }) };
  if (credential === undefined) {
    const { timestamp, nonce } = ask;
    return { ...base, ...(timestamp && { timestamp }), ...(nonce && { nonce }) };
  }
  const { timestamp = Math.floor(clock.now() / 1000), nonce = newNonce() } = ask;
  const text = typeof credential === 'string' ? credential : JSON.stringify(credential);
  const aad = requestAad({ clientId, tokenType, timestamp, nonce });
  return { ...base, timestamp, nonce, credential: sealText(session.key, text, aad) };
}

/** One HTTP answer, read to its end. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

export async function postJson(url: string, body: unknown): Promise<Answer> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
  return { status: response.status, headers: response.headers, text: await response.text() };
}

/** Opens a release as the asker does. @throws OpenError for anybody else */
export function openRelease(session: ClientSession, request: ReleaseRequest, answer: Answer) {
  const { token } = JSON.parse(answer.text) as { token: string };
  return JSON.parse(openText(session.key, token, responseAad(request))) as Release;
}

/** The outcome of one exchange: the opened release, or the problem. */
export interface Exchange {
  readonly session: ClientSession;
  readonly request: ReleaseRequest;
  readonly answer: Answer;
  readonly status: number;
  /** Empty if the answer is a problem. */
  readonly release: Partial<Release>;
  /** Empty if the answer is a release. */
  readonly problem: Partial<Problem>;
}

/** Asks KeyServer for a token over HTTP, in a new session unless one is given. */
export async function ask(
  keyserver: Pick<TestKeyserver, 'url' | 'rsaKeys' | 'clock'>,
  wanted: Ask,
  session: ClientSession = newSession(keyserver.rsaKeys.primary.publicKeyPem),
): Promise<Exchange> {
  const request = releaseRequest(session, wanted, keyserver.clock);
  const answer = await postJson(keyserver.url, request);
  const { status } = answer;
  return status === 200
    ? {
        session,
        request,
        answer,
        status,
        release: openRelease(session, request, answer),
        problem: {},
      }
    : { session, request, answer, status, release: {}, problem: JSON.parse(answer.text) };
}

/** The session that a release's ticket stands for. */
export function ticketSession({ session, release }: Exchange): ClientSession {
  return { key: session.key, named: { session: release.session?.ticket ?? '' } };
}
