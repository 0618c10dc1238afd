import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { LogLine } from '../support/log.ts';
import { root } from './sources.ts';

/** A heading of docs/logs.md that has lines of a log below it. */
export interface GoldenCase {
  readonly title: string;
  readonly lines: readonly LogLine[];
}

/** The lines of docs/logs.md, by the heading that they stand under. */
export function readGoldenCases(): GoldenCase[] {
  const page = readFileSync(join(root, 'docs/logs.md'), 'utf8');
  return page.split(/^### /m).flatMap((section) => {
    const [title = ''] = section.split('\n', 1);
    const lines = [...section.matchAll(/^```jsonl\n([\s\S]*?)^```/gm)].flatMap(([, block = '']) =>
      block.trimEnd().split('\n'),
    );
    return lines.length === 0
      ? []
      : [{ title, lines: lines.map((line): LogLine => JSON.parse(line)) }];
  });
}

const patterns: Readonly<Record<string, RegExp>> = {
  time: /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/,
  request_id: /^[\w.-]{1,64}$/,
  trace_id: /^[0-9a-f]{32}$/,
  span_id: /^[0-9a-f]{16}$/,
  parent_span_id: /^[0-9a-f]{16}$/,
  key_fingerprint: /^[\w-]{8}$/,
};
/** Numbers that differ from run to run, since a port or base64 of a key is in what they count. */
const variable = /(?:^|\.)duration_ms$|^server\.port$|^http\.request\.body\.size$/;

/**
 * The lines with what differs from run to run replaced: times and numbers by a word, ids by their
 * place among all ids, so that it still shows which lines share one. What has a wrong form is left.
 */
export function maskLines(lines: readonly LogLine[]): LogLine[] {
  const ids: unknown[] = [];
  const mask = (line: LogLine, name: string, value: unknown): unknown => {
    if (name === 'err') return 'an error';
    const session = line.release ?? line.explain;
    const isSealed = line['service.name'] === 'keyserver' && session !== undefined;
    const isVariable = variable.test(name) || (isSealed && name === 'http.response.body.size');
    if (isVariable) return typeof value === 'number' && value >= 0 ? 'a number' : value;
    if (!patterns[name]?.test(String(value))) return value;
    if (name === 'time') return 'a time';
    if (!ids.includes(value)) ids.push(value);
    return `id ${ids.indexOf(value)}`;
  };
  return lines.map((line) =>
    Object.fromEntries(
      Object.entries(line).map(([name, value]) => [name, mask(line, name, value)]),
    ),
  );
}
