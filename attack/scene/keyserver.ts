import type { PublicKeyAnswer, Release, ReleaseRequest } from '../../shared/protocol/messages.ts';
import {
  newSession,
  openRelease,
  postJson,
  releaseRequest,
} from '../../test/support/exchange-client.ts';
import { ownOf, type Scene } from './attack.ts';

/** A request for the scene's release, as SecureProxy sends it, in a new session. */
export async function newRequest(scene: Scene) {
  const { keyserver, admin, proxyKey } = ownOf(scene);
  const { clientId, tokenType, appKey, origin } = scene;
  const published = await fetch(`${keyserver}/public_key`);
  const { public_key: publicKeyPem } = (await published.json()) as PublicKeyAnswer;
  const session = newSession(publicKeyPem);
  const target = { method: 'POST', url: `${origin}/v1/orders` };
  const credential = { proxy: proxyKey, app: appKey, target };
  const request: ReleaseRequest = releaseRequest(
    session,
    { clientId, tokenType, credential },
    admin.clock,
  );
  return { session, request };
}

/** Asks KeyServer for the scene's release. @throws Error if it is refused */
export async function askRelease(scene: Scene): Promise<Release> {
  const { session, request } = await newRequest(scene);
  const answer = await postJson(ownOf(scene).keyserver, request);
  if (answer.status !== 200) throw new Error(`no release: ${answer.text}`);
  return openRelease(session, request, answer) as Release;
}
