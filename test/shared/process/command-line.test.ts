import t from 'tap';
import { parseCommandLine, UsageError, usage } from '../../../shared/process/command-line.ts';

t.test('what is asked for', async (t) => {
  const action = (...args: string[]) => parseCommandLine(args, true).action;
  t.equal(action(), 'serve');
  t.equal(action('--check-config'), 'check');
  t.equal(action('--version'), 'version');
  t.equal(action('--help'), 'help');
  t.equal(action('doctor', '--help'), 'help');
  t.same(parseCommandLine(['doctor', '--json'], true), { action: 'doctor', json: true });
  t.same(parseCommandLine(['--json', 'doctor'], true), { action: 'doctor', json: true });
});

t.test('anything else is a usage error, which quotes no value', async (t) => {
  for (const [args, message] of [
    [['--chek-config'], 'unknown option --chek-config'],
    [['--proxy-key=spx_secret'], 'unknown option --proxy-key'],
    [['-x'], 'unknown option -x'],
    [['--version=spx_secret'], 'unknown option --version'],
    [['spx_secret'], 'unknown command'],
    [['doctor', 'spx_secret'], 'unknown command'],
    [['--json'], '--json needs the command doctor'],
    [['doctor', '--check-config'], '--check-config needs no command'],
  ] as const) {
    t.throws(() => parseCommandLine(args, true), new UsageError(message), args.join(' '));
  }
  t.throws(() => parseCommandLine(['doctor'], false), new UsageError('unknown command'));
});

t.test('the usage names the doctor only where there is one', async (t) => {
  t.match(usage('secureproxy', true), 'secureproxy/main.ts doctor [--json]');
  t.notMatch(usage('keyserver', false), 'doctor');
});
