import { createPublicKey, randomBytes } from 'node:crypto';
import { systemClock } from '../../shared/clock.ts';
import { wrapKey } from '../../shared/crypto/rsa-oaep.ts';
import type { ReleaseRequest } from '../../shared/protocol/messages.ts';
import {
  type ClientSession,
  newSession,
  openRelease,
  postJson,
  releaseRequest,
} from '../../test/support/exchange-client.ts';
import { tokenType } from '../../test/support/pair-state.ts';
import type { Arrangement } from '../pair/arrangement.ts';

/** Time in which KeyServer rejects a session for one cause, as a caller sees it. */
export interface RefusalTiming {
  readonly cause: string;
  readonly requests: number;
  readonly p50Ms: number;
  readonly p90Ms: number;
}

const warmUpRounds = 200;
/** Rounds that share a session: unwrapping costs the same each time, and wrapping is not measured. */
const sessionRounds = 50;

/**
 * Sends one request at a time, each cause once a round in a new order, so that a slow machine slows all causes.
 * @throws Error if an answer is not `session_invalid`
 */
export async function timeRefusals(
  arrangement: Arrangement,
  rounds: number,
): Promise<RefusalTiming[]> {
  const { keyserver, clients, proxyKey, appKey, upstreamUrl } = arrangement;
  const credential = { proxy: proxyKey, app: appKey, target: { method: 'POST', url: upstreamUrl } };
  const asked = (session: ClientSession) =>
    releaseRequest(session, { clientId: clients[0] ?? '', tokenType, credential }, systemClock);
  const { text } = await postJson(`${keyserver.origin}/public_key`, {});
  const { public_key } = JSON.parse(text) as { public_key: string };
  const causes = async () => {
    const session = newSession(public_key);
    const opening = asked(session);
    const release = openRelease(session, opening, await postJson(keyserver.origin, opening));
    const ticketed = { key: session.key, named: { session: release.session?.ticket ?? '' } };
    const short = wrapKey(createPublicKey(public_key), randomBytes(31)).toString('base64');
    return {
      'wrapped key altered': () => alter(asked(session), 'sessionKey'),
      'session key of 31 bytes': () => ({ ...asked(session), sessionKey: short }),
      'credential altered, by session key': () => alter(asked(session), 'credential'),
      'wrapped key is no base64': () => ({ ...asked(session), sessionKey: '*'.repeat(512) }),
      'key id unknown': () => ({ ...asked(session), keyId: 'x'.repeat(43) }),
      'ticket altered': () => alter(asked(ticketed), 'session'),
      'ticket is no base64': () => ({ ...asked(ticketed), session: '*'.repeat(100) }),
      'credential altered, by ticket': () => alter(asked(ticketed), 'credential'),
    } satisfies Record<string, () => ReleaseRequest>;
  };
  const times = new Map<string, number[]>();
  let current = await causes();
  for (let round = -warmUpRounds; round < rounds; round++) {
    if (round % sessionRounds === 0) current = await causes();
    for (const [cause, make] of shuffled(Object.entries(current))) {
      const body = JSON.stringify(make());
      const began = performance.now();
      const { text: answer } = await postJson(keyserver.origin, body);
      const took = performance.now() - began;
      if (!answer.includes('"session_invalid"')) throw new Error(`${cause}: ${answer}`);
      if (round < 0) continue;
      const all = times.get(cause) ?? [];
      all.push(took);
      times.set(cause, all);
    }
  }
  return [...times].map(([cause, all]) => {
    const sorted = all.toSorted((a, b) => a - b);
    const at = (share: number) => sorted[Math.floor(sorted.length * share)] ?? Number.NaN;
    return { cause, requests: all.length, p50Ms: at(0.5), p90Ms: at(0.9) };
  });
}

/** Flips a bit in the middle of a member's bytes. */
function alter(
  request: ReleaseRequest,
  member: 'sessionKey' | 'session' | 'credential',
): ReleaseRequest {
  const bytes = Buffer.from(request[member] ?? '', 'base64');
  const at = bytes.length >> 1;
  bytes.writeUInt8(bytes.readUInt8(at) ^ 1, at);
  return { ...request, [member]: bytes.toString('base64') };
}

function shuffled<T>(items: readonly T[]): T[] {
  return items
    .map((item) => ({ item, place: Math.random() }))
    .sort((a, b) => a.place - b.place)
    .map(({ item }) => item);
}
