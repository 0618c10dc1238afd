import { findLeaks } from '../../test/support/leaks.ts';
import type { ReceivedRequest, Script } from '../../test/support/upstream.ts';
import type { Outcome, Scene } from './attack.ts';
import { type CallOptions, call, describe, type WireAnswer } from './wire.ts';

type Members = Readonly<Record<string, unknown>>;

/** Makes a call; held if it is rejected with one of these codes and nothing is sent. */
export async function refused(
  scene: Scene,
  codes: readonly string[],
  members: Members,
  options: CallOptions = {},
): Promise<Outcome> {
  const before = sentTo(scene);
  const answer = await call(scene, members, options);
  const sent = sentTo(scene) - before;
  const happened = `${describe(answer)}, ${sent === 0 ? 'nothing sent' : `${sent} requests sent`}`;
  const held = codes.includes(answer.code) && sent === 0 && !leaks(scene, answer);
  return { held, happened };
}

function sentTo(scene: Scene): number {
  return scene.strays() + scene.upstream.requests.length;
}

/** Makes a call; held if one request arrives in which `fault` finds none (it returns a phrase). */
export async function arrives(
  scene: Scene,
  members: Members,
  fault: (request: ReceivedRequest, answer: WireAnswer) => string | undefined,
  options: CallOptions = {},
): Promise<Outcome> {
  const { upstream } = scene;
  const [before, strays] = [upstream.requests.length, scene.strays()];
  const answer = await call(scene, members, options);
  const [request, ...others] = upstream.requests.slice(before);
  if (scene.strays() > strays) return { held: false, happened: 'a token came to a wrong place' };
  if (request === undefined)
    return { held: false, happened: `${describe(answer)}, nothing arrived` };
  if (others.length > 0) return { held: false, happened: `${others.length + 1} requests arrived` };
  if (request.all('authorization').join() !== `Bearer ${scene.token}`)
    return { held: false, happened: 'it arrived without the one right credential' };
  const found = fault(request, answer);
  return {
    held: found === undefined,
    happened: found ?? `${describe(answer)}, arrived as it should`,
  };
}

/** Held if the call is rejected as the caller's fault with nothing sent, or {@link arrives} without a fault. */
export async function refusedOrClean(
  scene: Scene,
  members: Members,
  fault: (request: ReceivedRequest) => string | undefined,
  options: CallOptions = {},
): Promise<Outcome> {
  const before = scene.upstream.requests.length;
  const outcome = await arrives(scene, members, fault, options);
  const nothingCame = scene.upstream.requests.length === before;
  if (!outcome.held && nothingCame && /^4\d\d /.test(outcome.happened))
    return { held: true, happened: outcome.happened };
  return outcome;
}

/** Makes a call that the upstream answers by `script`; held if the answer to the caller has no token. */
export async function givesNothingAway(
  scene: Scene,
  script: Script,
  members: Members = {},
  options: CallOptions = {},
): Promise<Outcome> {
  scene.upstream.script(script);
  const answer = await call(scene, members, options);
  const happened = `${describe(answer)}, ${answer.body.length} bytes`;
  return leaks(scene, answer)
    ? { held: false, happened: `${happened}, the token among them` }
    : { held: true, happened: `${happened}, no token` };
}

/** True if the caller's answer contains the token in any form. */
export function leaks({ token }: Scene, { head, body }: WireAnswer): boolean {
  return findLeaks(head + body.toString('latin1') + body.toString('utf8'), { token }).length > 0;
}
