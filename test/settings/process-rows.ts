import { setTimeout as sleep } from 'node:timers/promises';
import type { Test } from 'tap';
import type { Environment } from '../../shared/settings/config.ts';
import { freePort } from '../support/free-port.ts';
import { pollUntil } from '../support/poll-until.ts';
import { runMain } from '../support/service-process.ts';
import type { Subject } from './listener-rows.ts';
import { problemOf } from './service.ts';
import { once, type Row } from './table.ts';

type ProcessSetting = 'WORKERS' | 'LOG_LEVEL' | 'OVERLOAD_DELAY_MS';

/** Rows of the settings that only a whole process shows. */
export function processRows(subject: Subject): Readonly<Record<ProcessSetting, Row>> {
  /** A process in `t.testdir` whose log has a warning of a misspelt name, once it listens. */
  async function run(t: Test, further: Environment) {
    const PORT = String(await freePort());
    const settings = { ...subject.settings(t), WORKES: '1', PORT, ...further };
    const main = runMain(t, `${subject.name}/main.ts`, settings as Record<string, string>);
    const isServed = async () => {
      if (main.child.exitCode !== null) throw new Error(main.stderr());
      const answer = await fetch(`http://127.0.0.1:${PORT}/healthz`).catch(() => undefined);
      return answer?.status === 200;
    };
    await pollUntil('it serves', isServed, Boolean);
    return { ...main, port: PORT };
  }

  const quiet = once(async (t) => {
    t.testdir({});
    const [main, silent] = await Promise.all([
      run(t, { LOG_LEVEL: 'warn', OVERLOAD_DELAY_MS: '1' }),
      run(t, { LOG_LEVEL: 'silent', WORKERS: '2' }),
    ]);
    t.match(
      main.lines().map(({ level, msg }) => [level, msg]),
      [['warn', /WORKES/]],
    );
    t.equal(silent.stdout(), '');
    const url = `http://127.0.0.1:${main.port}${subject.callPath}`;
    const rejected = await pollUntil(
      'it rejects calls, since its event loop is late',
      async () => {
        main.child.kill('SIGSTOP');
        await sleep(200);
        main.child.kill('SIGCONT');
        return problemOf(await fetch(url, { method: 'POST', body: '{}' }));
      },
      ({ status }) => status === 503,
    );
    t.match(rejected, { code: 'overloaded', reason: 'event_loop' });
  });

  return {
    WORKERS: async (t) => {
      t.testdir({});
      const { lines } = await run(t, { WORKERS: '2' });
      const listening = () =>
        lines().filter(({ msg }) => String(msg).startsWith('Server listening at'));
      await pollUntil('both listen', listening, ({ length }) => length === 2);
      t.equal(new Set(listening().map((line) => line['process.pid'])).size, 2);
    },

    LOG_LEVEL: quiet,
    OVERLOAD_DELAY_MS: quiet,
  };
}
