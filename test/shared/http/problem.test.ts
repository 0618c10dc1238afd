import t from 'tap';
import { Value } from 'typebox/value';
import { type ErrorCode, errorTable, ServiceError } from '../../../shared/errors.ts';
import {
  ProblemSchema,
  problemResponses,
  toProblem,
  toServiceError,
} from '../../../shared/http/problem.ts';

const codes = Object.keys(errorTable) as ErrorCode[];

t.test('every code becomes a problem of the one form', async (t) => {
  for (const code of codes) {
    const problem = toProblem(new ServiceError(code), 'r1');
    t.ok(Value.Check(ProblemSchema, problem), code);
    t.same(problem, {
      type: `/errors/${code}`,
      title: errorTable[code].title,
      status: errorTable[code].status,
      code,
      requestId: 'r1',
    });
  }
});

t.test('a cause never gets into the answer', async (t) => {
  const cause = new Error('hidden-value');
  const error = new ServiceError('integrity_failed', { reason: 'x', detail: 'Told.', cause });
  const text = JSON.stringify(toProblem(error, 'r1'));
  t.notMatch(text, 'hidden-value');
  t.match(JSON.parse(text), { detail: 'Told.', reason: 'x' });
});

t.test('a status may be overridden where one code has two', async (t) => {
  t.equal(toProblem(new ServiceError('token_not_found', { status: 424 }), 'r').status, 424);
});

t.test('what is not known is internal, and says nothing', async (t) => {
  for (const thrown of [
    new Error('hidden-value'),
    new TypeError('hidden-value'),
    'hidden-value',
    null,
    undefined,
    0,
    { statusCode: 400, message: 'hidden-value' },
    { code: 'E_OTHER', statusCode: 404, message: 'hidden-value' },
    Object.assign(new Error('hidden-value'), { code: 'FST_ERR_SOMETHING', statusCode: 500 }),
    Object.assign(new Error('hidden-value'), { code: 'FST_ERR_SOMETHING' }),
  ]) {
    const error = toServiceError(thrown);
    t.equal(error.code, 'internal');
    t.equal(error.options.cause, thrown, 'for the log');
    t.notMatch(JSON.stringify(toProblem(error, 'r')), 'hidden-value');
  }
});

t.test('a service error stays what it is', async (t) => {
  const error = new ServiceError('overloaded');
  t.equal(toServiceError(error), error);
});

t.test('the framework’s own refusals are told by their codes, never by their texts', async (t) => {
  const thrown = (code: string, statusCode: number) =>
    Object.assign(new Error('hidden-value'), { code, statusCode });
  for (const [code, status, expected] of [
    ['FST_ERR_CTP_BODY_TOO_LARGE', 413, 'body_too_large'],
    ['FST_ERR_CTP_INVALID_MEDIA_TYPE', 415, 'media_type_unsupported'],
    ['FST_ERR_CTP_EMPTY_JSON_BODY', 400, 'request_invalid'],
    ['FST_ERR_BAD_URL', 400, 'request_invalid'],
  ] as const) {
    const error = toServiceError(thrown(code, status));
    t.equal(error.code, expected);
    t.notMatch(JSON.stringify(toProblem(error, 'r')), 'hidden-value');
  }
});

t.test('a schema’s refusal names the place, not the value', async (t) => {
  const validation = [
    { instancePath: '/nonce', message: 'must match pattern "x"', params: { pattern: 'x' } },
  ];
  const error = toServiceError({ validation, validationContext: 'body', data: 'hidden-value' });
  t.match(toProblem(error, 'r'), { reason: 'schema', detail: 'body/nonce must match pattern "x"' });
  const unknown = [
    {
      instancePath: '',
      message: 'must NOT have additional properties',
      params: { additionalProperty: 'a"b' },
    },
  ];
  t.match(
    toProblem(toServiceError({ validation: unknown, validationContext: 'body' }), 'r').detail,
    '"a\\"b"',
  );
});

t.test('answers are listed by status', async (t) => {
  const responses = problemResponses('request_invalid', 'request_stale', 'overloaded');
  t.same(Object.keys(responses), ['400', '503']);
  t.match(JSON.stringify(responses), /request_invalid.*request_stale/);
});
