import type { IncomingMessage } from 'node:http';
import t from 'tap';
import {
  formatTraceparent,
  parseTraceparent,
  traceContextOf,
} from '../../../shared/log/trace-context.ts';
import { until } from '../../support/until.ts';
import { startApp } from '../app.ts';

const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';
const parentId = '00f067aa0ba902b7';

t.test('parses what W3C Trace Context calls valid', async (t) => {
  for (const [flags, sampled] of [
    ['00', false],
    ['01', true],
    ['02', false],
    ['ff', true],
  ] as const) {
    const parsed = parseTraceparent(`00-${traceId}-${parentId}-${flags}`);
    t.strictSame(parsed, { traceId, parentSpanId: parentId, sampled }, flags);
  }
});

t.test('a later version is read as far as it is known', async (t) => {
  for (const more of ['', '-', '-what-comes-then']) {
    const parsed = parseTraceparent(`cc-${traceId}-${parentId}-01${more}`);
    t.strictSame(parsed, { traceId, parentSpanId: parentId, sampled: true }, more);
  }
  t.equal(parseTraceparent(`cc-${traceId}-${parentId}-01.more`), undefined);
});

t.test('takes nothing else', async (t) => {
  const valid = `00-${traceId}-${parentId}-01`;
  for (const value of [
    '',
    'x',
    `${valid}-`,
    `${valid}-more`,
    ` ${valid}`,
    `${valid} `,
    `${valid}\n`,
    valid.toUpperCase(),
    valid.replaceAll('-', ''),
    `${valid}, ${valid}`,
    `ff-${traceId}-${parentId}-01`,
    `0-${traceId}-${parentId}-01`,
    `0g-${traceId}-${parentId}-01`,
    `00-${'0'.repeat(32)}-${parentId}-01`,
    `00-${traceId}-${'0'.repeat(16)}-01`,
    `00-${traceId.slice(1)}-${parentId}-01`,
    `00-${traceId}0-${parentId}-01`,
    `00-${traceId}-${parentId.slice(1)}-01`,
    `00-${traceId}-${parentId}-1`,
    `00-${traceId}-${parentId}-0x`,
    `00-${traceId}-${parentId}`,
  ]) {
    t.equal(parseTraceparent(value), undefined, JSON.stringify(value));
  }
});

function requestWith(headers: IncomingMessage['headers']): IncomingMessage {
  return { headers } as IncomingMessage;
}

t.test('a caller’s trace is taken over, with a span of our own', async (t) => {
  for (const [flags, sent] of [
    ['01', '01'],
    ['00', '00'],
    ['fe', '00'],
  ]) {
    const context = traceContextOf(
      requestWith({ traceparent: `00-${traceId}-${parentId}-${flags}` }),
    );
    t.match(context, { traceId, parentSpanId: parentId, spanId: /^[0-9a-f]{16}$/ });
    t.not(context.spanId, parentId);
    t.equal(formatTraceparent(context), `00-${traceId}-${context.spanId}-${sent}`);
  }
});

t.test('without a valid one a trace begins here, new each time', async (t) => {
  const contexts = Array.from({ length: 1000 }, (_, i) =>
    traceContextOf(requestWith(i % 2 ? { traceparent: 'not one' } : {})),
  );
  for (const context of contexts) {
    const sent = parseTraceparent(formatTraceparent(context));
    t.strictSame(sent, { traceId: context.traceId, parentSpanId: context.spanId, sampled: false });
    t.equal(context.parentSpanId, undefined);
  }
  t.equal(new Set(contexts.map((context) => context.traceId)).size, contexts.length);
  t.equal(new Set(contexts.map((context) => context.spanId)).size, contexts.length);
});

t.test('a request has one context however often it is asked for', async (t) => {
  const request = requestWith({});
  t.equal(traceContextOf(request), traceContextOf(request));
});

t.test('every line of a request has its trace', async (t) => {
  const { app, log } = await startApp(t);
  app.get('/fails', async (request) => {
    request.log.warn('said by the handler');
    throw new Error('unforeseen');
  });
  await app.inject({
    url: '/fails',
    headers: { traceparent: `00-${traceId}-${parentId}-01`, 'x-request-id': 'r1' },
  });
  await until(() => log.lines().length >= 3);
  const lines = log.lines();
  t.match(
    lines.map(({ msg }) => msg),
    ['said by the handler', 'request failed', 'request'],
  );
  const [{ span_id: spanId } = {}] = lines;
  t.match(spanId, /^[0-9a-f]{16}$/);
  for (const line of lines) {
    t.match(line, { trace_id: traceId, span_id: spanId, request_id: 'r1' }, String(line.msg));
  }
  t.match(lines.at(-1), { parent_span_id: parentId });
});
