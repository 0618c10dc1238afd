import { randomUUID } from 'node:crypto';
import type { Primary } from '../../shared/process/primary.ts';
import type { Answer } from '../../shared/process/workers.ts';

const question = 'instance';

/** Adds to the primary process's answers the id that its workers share. */
export function withInstance(answer: Answer): Answer {
  const id = randomUUID();
  return (asked) => (asked === question ? id : answer(asked));
}

/** The id of this KeyServer: of the process, or of the primary process if it is a worker. */
export async function instanceId(primary: Primary | undefined): Promise<string> {
  return primary === undefined ? randomUUID() : String(await primary.ask(question));
}
