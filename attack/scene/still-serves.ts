import { answers } from '../../test/support/upstream.ts';
import type { Outcome, Scene } from './attack.ts';
import { call, describe } from './wire.ts';

/** Held if a usual call succeeds afterwards. */
export async function stillServes(scene: Scene, happened: string): Promise<Outcome> {
  scene.upstream.script(answers(200, 'ok'));
  const answer = await call(scene);
  return answer.status === 200
    ? { held: true, happened: `${happened}; served after it` }
    : { held: false, happened: `${happened}; then ${describe(answer)}` };
}
