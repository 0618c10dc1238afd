import { randomInt } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Test } from 'tap';
import type { EarlierTable } from './earlier-table.ts';
import { endOf, startTool } from './tool-process.ts';

/** Rows copied and rows sealed so far: the work of a take-over. */
const workDone =
  "SELECT (SELECT COUNT(*) FROM storage_before_takeover) + (SELECT COUNT(*) FROM storage WHERE token LIKE 'skt1.%')";
const pollMs = 25;

/** A take-over as a process. */
export function startTakeOver({ admin, environment }: EarlierTable) {
  const child = startTool(admin.folder, ['legacy', 'take-over', '--json'], { environment });
  const ended = endOf(child).then(({ code, stdout, stderr }) => ({
    code: code ?? String(child.signalCode),
    result: stdout === '' ? undefined : JSON.parse(stdout),
    stderr,
  }));
  return { child, ended };
}

/**
 * Kills take-overs one after the other, each at a random point of its share of the work, and compares every row after
 * each; resolves to how many were still at work. `before` is called with the number of each.
 */
export async function killTakeOvers(
  t: Test,
  table: EarlierTable,
  kills: number,
  before: (kill: number) => void = () => {},
): Promise<number> {
  const work = 2 * table.made.size;
  let killed = 0;
  for (let i = 0; i < kills; i += 1) {
    const share = Math.floor(work / kills);
    const point = i * share + randomInt(share);
    before(i);
    const { child, ended } = startTakeOver(table);
    let isOver = false;
    void ended.then(() => {
      isOver = true;
    });
    while (!isOver && Number((await table.ask(workDone)) ?? 0) <= point) await sleep(pollMs);
    child.kill('SIGKILL');
    const { code, stderr } = await ended;
    if (code === 'SIGKILL') killed += 1;
    const sealed = await table.compareAll();
    t.ok(
      ['SIGKILL', 0].includes(code),
      `kill ${i + 1} beyond ${point} of ${work}: ${code}, ${sealed} rows sealed`,
      { stderr },
    );
  }
  return killed;
}
