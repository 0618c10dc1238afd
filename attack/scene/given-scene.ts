import { startUpstream } from '../../test/support/upstream.ts';
import type { Scene } from './attack.ts';
import type { GivenPair } from './options.ts';
import type { Closing } from './own-scene.ts';

/** The scene of a pair that runs elsewhere, with a hostile upstream of ours. */
export async function givenScene(closing: Closing, given: GivenPair): Promise<Scene> {
  const { listen, identity, upstream: origin, ...rest } = given;
  const upstream = await startUpstream(closing, { ...listen, ...(identity && { identity }) });
  return { ...rest, origin, upstream, strays: () => 0 };
}
