import type { ErrorCode } from '../../shared/errors.ts';
import type { Problem } from '../../shared/http/problem.ts';
import type { PublicKeyAnswer, Release, ReleaseRequest } from '../../shared/protocol/messages.ts';
import {
  type Answer,
  type Ask,
  type ClientSession,
  newSession,
  openRelease,
  postJson,
  releaseRequest,
} from '../../test/support/exchange-client.ts';
import { findLeaks } from '../../test/support/leaks.ts';
import { type Attack, type AttackClass, type Outcome, ownOf, type Scene } from './attack.ts';

/** A request in a new session, every member set. */
export type FullRequest = Required<Omit<ReleaseRequest, 'session' | 'keyId'>>;

/** What whoever reaches KeyServer can start from. */
export interface Given {
  readonly scene: Scene;
  readonly publicKeyPem: string;
  readonly session: ClientSession;
  /** As the proxy makes it for the scene's app; would be answered, and was not sent yet. */
  readonly request: FullRequest;
  /** The like with a new nonce; in the same session unless another is given. */
  ask(changes?: Partial<Ask>, session?: ClientSession): FullRequest;
  post(body: unknown): Promise<Answer>;
}

/** What the proxy seals for the scene's app. */
export function credentialOf({ appKey, origin, own }: Scene) {
  return {
    proxy: own?.proxyKey,
    app: appKey,
    target: { method: 'POST', url: `${origin}/v1/orders` },
  };
}

export async function startFrom(scene: Scene): Promise<Given> {
  const { keyserver, admin } = ownOf(scene);
  const published = await fetch(`${keyserver}/public_key`);
  const { public_key: publicKeyPem } = (await published.json()) as PublicKeyAnswer;
  const own = newSession(publicKeyPem);
  const { clientId, tokenType } = scene;
  const usual: Ask = { clientId, tokenType, credential: credentialOf(scene) };
  const ask = (changes: Partial<Ask> = {}, session = own) =>
    releaseRequest(session, { ...usual, ...changes }, admin.clock) as FullRequest;
  return {
    scene,
    publicKeyPem,
    session: own,
    request: ask(),
    ask,
    post: (body) => postJson(keyserver, body),
  };
}

/** Asks for a release that is given, and opens it. @throws Error where it is refused */
export async function obtain({ ask, post, session }: Given, changes?: Partial<Ask>) {
  const request = ask(changes);
  const answer = await post(request);
  if (answer.status !== 200) throw new Error(`no release: ${answer.text}`);
  return { request, answer, release: openRelease(session, request, answer) as Release };
}

/** Makes a body with one fault; earlier requests may be needed for it. */
export type Fault = (given: Given) => unknown;

/** A fault, and the codes of which one must be the answer. */
export type Expected = readonly [fault: Fault, ...codes: ErrorCode[]];

/** Attacks on KeyServer by single requests. */
export function requestAttacks(
  kind: AttackClass,
  faults: Readonly<Record<string, Expected>>,
): Attack[] {
  return Object.entries(faults).map(([name, [fault, ...codes]]) => ({
    class: kind,
    name,
    ownOnly: true,
    run: async (scene) => {
      const given = await startFrom(scene);
      const answer = await given.post(await fault(given));
      return judge(given, answer, codes);
    },
  }));
}

/** Held where KeyServer refused with one of the codes, and would have answered without the fault. */
export async function judge(
  given: Given,
  answer: Answer,
  codes: readonly ErrorCode[],
): Promise<Outcome> {
  const { code, reason } = problemOf(answer);
  const { token } = given.scene;
  const gaveAway = findLeaks(answer.text, { token }).length > 0;
  // Else a KeyServer that refuses everything would hold.
  await obtain(given);
  return {
    held: codes.some((one) => one === code) && !gaveAway,
    happened: `${answer.status} ${code ?? ''}${reason === undefined ? '' : ` (${reason})`}`,
  };
}

export function problemOf({ status, text }: Answer): Partial<Problem> {
  return status === 200 ? {} : (JSON.parse(text) as Problem);
}
