import t from 'tap';
import { check, isSound, verdict } from '../../../shared/doctor/check.ts';

const fine = check('settings', 'the settings');
const remarks = check('clock', 'the clock', ['it is slow', 'and late'], 'warning');
const broken = check('keyserver', 'KeyServer answers', ['refused']);

t.test('all is well only without a warning', async (t) => {
  t.equal(verdict([fine]), 'all is well');
  t.equal(verdict([fine], 'nothing was verified'), 'nothing was verified');
  t.equal(verdict([fine, remarks]), 'no faults, 1 check found warnings: exit code 0');
  t.equal(verdict([remarks, remarks], 'x'), 'no faults, 2 checks found warnings: exit code 0');
});

t.test('tells faults, and warnings beside them', async (t) => {
  t.equal(verdict([broken, fine]), '1 check found faults: exit code 1');
  t.equal(
    verdict([broken, remarks, broken]),
    '2 checks found faults, 1 check found warnings: exit code 1',
  );
});

t.test('warnings alone are sound', async (t) => {
  t.equal(isSound([fine, remarks]), true);
  t.equal(isSound([remarks, broken]), false);
});
