import t from 'tap';
import { errorBodyFaults, fillErrorBody } from '../../../../shared/policy/answers/error-body.ts';

const parts = {
  code: 'rate_limited',
  reason: 'limit_reached',
  title: 'The limit of the type is reached',
  detail: 'He said "{code}\\"',
  status: '429',
  retryAfter: '7',
  requestId: 'id-1',
};

t.test('texts at any depth are filled once, and other values stay', (t) => {
  const body = {
    errors: [{ code: '{code}', message: '{title}: {detail}', details: '', retry: true }],
    data: {
      status: '{status}',
      text: 'status {status}',
      wait: '{retryAfter}',
      in: '{retryAfter} s',
      none: null,
      n: 7,
    },
    '{code}': ['{reason}', '{requestId}'],
  };
  t.strictSame(fillErrorBody(body, parts), {
    errors: [
      {
        code: 'rate_limited',
        message: 'The limit of the type is reached: He said "{code}\\"',
        details: '',
        retry: true,
      },
    ],
    data: { status: 429, text: 'status 429', wait: 7, in: '7 s', none: null, n: 7 },
    '{code}': ['limit_reached', 'id-1'],
  });
  t.end();
});

t.test('a part that only later versions know does not end an answer', (t) => {
  const body = { code: '{code}', m: '{detail} {retryAt}', n: '{constructor}' };
  t.strictSame(fillErrorBody(body, parts), { ...body, code: 'rate_limited' });
  t.end();
});

t.test('a member may have any name', (t) => {
  const body = JSON.parse('{"__proto__":{"x":"{code}"}}');
  t.equal(JSON.stringify(fillErrorBody(body, parts)), '{"__proto__":{"x":"rate_limited"}}');
  t.end();
});

t.test('a body has faults', (t) => {
  const nested = (levels: number) =>
    JSON.parse(`${'{"m":'.repeat(levels)}"{detail}"${'}'.repeat(levels)}`);
  t.same(errorBodyFaults(nested(16)), []);
  t.same(errorBodyFaults(nested(17)), ['the error body has more than 16 levels']);
  t.same(errorBodyFaults(nested(20_000)), ['the error body has more than 16 levels']);
  const long = (length: number) => ({ m: '{code}'.padEnd(length - '{"m":""}'.length) });
  t.same(errorBodyFaults(long(4096)), []);
  t.same(errorBodyFaults(long(4097)), ['the error body has more than 4096 characters']);
  t.match(errorBodyFaults({ m: '{detail} {token} {constructor}' }), [
    /^the error body has \{token\}; it may have \{code\}, /,
    /\{constructor\}/,
  ]);
  t.match(errorBodyFaults({ m: 'error' }), [/would not say what is wrong$/]);
  t.end();
});
