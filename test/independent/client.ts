/** A client of KeyServer as docs/protocol.md describes it, for a direct app. */
import { type Bytes, base64url, check } from './bytes.ts';
import {
  type Context,
  changesAads,
  makeSessionKey,
  openText,
  readPublicKey,
  requestAad,
  responseAad,
  sealText,
  whoamiAads,
  wrapSessionKey,
} from './skx1.ts';

/** §4: `POST /` with these members; resolves to the sealed answer. @throws the problem (§7) */
export async function post(url: string, members: object, path = '/'): Promise<string> {
  const answer = await fetch(`${url}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(members),
  });
  const body = Object(await answer.json());
  if (answer.status !== 200) throw body;
  return body.token;
}

/** §3: the session key is new, the key id is computed. @throws Refused */
export async function newSession(url: string) {
  const answer = await fetch(`${url}/public_key`);
  const { key, keyId } = await readPublicKey(Object(await answer.json()).public_key);
  const sessionKey = makeSessionKey();
  return { key: sessionKey, members: { sessionKey: await wrapSessionKey(key, sessionKey), keyId } };
}

export interface Session {
  readonly key: Bytes;
  /** `sessionKey` and `keyId`, or `session`. */
  readonly members: object;
}

/** §4: the members that bind and carry a credential, with a new nonce. */
export async function withCredential(session: Session, name: Context, credential: object) {
  const nonce = base64url(crypto.getRandomValues(new Uint8Array(16)));
  const context = { ...name, timestamp: Math.floor(Date.now() / 1000), nonce };
  const sealed = await sealText(session.key, requestAad(context), JSON.stringify(credential));
  return { context, members: { ...session.members, ...context, credential: sealed } };
}

/** §5, Changes: what a proxy is told. @throws the problem (§7) */
export function askChanges(url: string, session: Session, proxy: string, since: number) {
  return askQuestion(url, session, '/changes', changesAads, { proxy, since });
}

/** §5, Whoami: which app a key belongs to. @throws the problem (§7) */
export function askWhoami(url: string, session: Session, proxy: string, app: string | null) {
  return askQuestion(url, session, '/whoami', whoamiAads, { proxy, app });
}

async function askQuestion(
  url: string,
  session: Session,
  path: string,
  aadsOf: typeof changesAads,
  content: object,
) {
  const nonce = base64url(crypto.getRandomValues(new Uint8Array(16)));
  const timestamp = Math.floor(Date.now() / 1000);
  const aads = aadsOf({ timestamp, nonce });
  const credential = await sealText(session.key, aads.request, JSON.stringify(content));
  const members = { ...session.members, timestamp, nonce, credential };
  const sealed = await post(url, members, path);
  return JSON.parse(await openText(session.key, aads.response, sealed));
}

export class DirectClient {
  /** The ticket's session, once there is one. */
  session: Session | undefined;
  readonly #url: string;
  readonly #app: string;
  #ticketEndsAtMs = 0;

  constructor(url: string, app: string) {
    this.#url = url;
    this.#app = app;
  }

  /** The answer of §5. It asks once more with a new session if the first was refused (§7). */
  async ask(clientId: string, tokenType: string) {
    try {
      return await this.#askOnce({ clientId, tokenType });
    } catch (problem) {
      if (Object(problem).code !== 'session_invalid') throw problem;
      this.session = undefined;
      return this.#askOnce({ clientId, tokenType });
    }
  }

  async #askOnce(name: Context) {
    if (performance.now() > this.#ticketEndsAtMs - 30_000) this.session = undefined;
    const session = this.session ?? (await newSession(this.#url));
    const credential = { proxy: null, app: this.#app };
    const { context, members } = await withCredential(session, name, credential);
    const askedAtMs = performance.now();
    const sealed = await post(this.#url, members);
    const answer = JSON.parse(await openText(session.key, responseAad(context), sealed));
    check(typeof answer.fields === 'object', 'no fields');
    if (answer.session) {
      this.session = { key: session.key, members: { session: answer.session.ticket } };
      this.#ticketEndsAtMs = askedAtMs + answer.session.expiresIn * 1000;
    }
    return answer;
  }
}
