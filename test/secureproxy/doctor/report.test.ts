import t from 'tap';
import { report } from '../../../secureproxy/doctor/report.ts';
import { check } from '../../../shared/doctor/check.ts';

const fine = check('settings', 'the settings');
const remarks = check('clock', 'the clock', ['it is slow'], 'warning');
const broken = check('keyserver', 'KeyServer answers', ['refused', 'try again']);

t.test('shows checks to a person, with their findings below', async (t) => {
  t.same(report([fine, remarks], false), {
    ok: true,
    text: `CHECK     STATUS   WHAT
settings  ok       the settings
clock     warning  the clock
  - it is slow
no faults, 1 check found warnings: exit code 0`,
  });
  t.same(report([broken, fine], false), {
    ok: false,
    text: `CHECK      STATUS   WHAT
keyserver  fault    KeyServer answers
  - refused
  - try again
settings   ok       the settings
1 check found faults: exit code 1`,
  });
});

t.test('gives a program the same', async (t) => {
  const { text, ok } = report([fine, broken], true);
  t.equal(ok, false);
  t.same(JSON.parse(text), { ok: false, checks: [fine, broken] });
  t.equal(report([remarks], true).ok, true);
});
