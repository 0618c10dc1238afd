import t from 'tap';
import { allow, checkAllowed, refuse } from '../../../shared/policy/verdict.ts';

t.test('a yes has what was found, and a no has code, reason and sentence', async (t) => {
  t.strictSame(allow('found'), { allowed: true, value: 'found' });
  t.strictSame(refuse('grant_denied', 'path', 'No.'), {
    allowed: false,
    code: 'grant_denied',
    reason: 'path',
    detail: 'No.',
  });
});

t.test('checking gives the value of a yes, and throws a no', async (t) => {
  t.equal(checkAllowed(allow('found')), 'found');
  t.throws(() => checkAllowed(refuse('grant_denied', 'path', 'No.')), {
    name: 'ServiceError',
    code: 'grant_denied',
    options: { reason: 'path', detail: 'No.' },
  });
});
