import { setTimeout as sleep } from 'node:timers/promises';
import { answers } from '../test/support/upstream.ts';
import type { Attack, Outcome, Scene } from './scene/attack.ts';

const limitMs = 180_000;

export interface Result extends Pick<Attack, 'class' | 'name'> {
  readonly outcome: Outcome | 'not tried';
}

/** Runs the attacks one after another; a given pair is spared those that need our own. */
export async function runAttacks(
  attacks: readonly Attack[],
  scene: Scene,
  onResult: (result: Result) => void,
): Promise<Result[]> {
  const results: Result[] = [];
  for (const attack of attacks) {
    const isLeftOut = attack.ownOnly === true && scene.own === undefined;
    const outcome = isLeftOut ? 'not tried' : await runOne(attack, scene);
    const result: Result = { class: attack.class, name: attack.name, outcome };
    onResult(result);
    results.push(result);
  }
  return results;
}

/** An attack that throws proves nothing, so it does not count as held. */
async function runOne(attack: Attack, scene: Scene): Promise<Outcome> {
  scene.upstream.script(answers(200, 'ok'));
  const over = new AbortController();
  try {
    return await Promise.race([attack.run(scene), expire(over.signal)]);
  } catch (error) {
    return { held: false, happened: `broke: ${String(error)}` };
  } finally {
    over.abort();
  }
}

async function expire(signal: AbortSignal): Promise<Outcome> {
  await sleep(limitMs, undefined, { signal, ref: false });
  return { held: false, happened: `not over after ${limitMs / 1000} s` };
}
