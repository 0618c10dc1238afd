import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { root } from '../docs/sources.ts';

interface Finding {
  readonly ruleId: string;
  readonly severity: string;
  readonly message: string;
  readonly location: readonly { readonly pointer?: string }[];
}

/** The linter's findings in a document, as `rule: message (place)`. It uses no network. */
async function lint(file: string): Promise<string[]> {
  const output = await new Promise<string>((done, fail) => {
    execFile(
      process.execPath,
      [
        join(root, 'node_modules/@redocly/cli/bin/cli.js'),
        ...['lint', file, '--format', 'json', '--max-problems', '1000'],
        ...['--config', join(root, 'openapi/redocly.yaml')],
      ],
      {
        env: {
          ...process.env,
          REDOCLY_TELEMETRY: 'off',
          REDOCLY_SUPPRESS_UPDATE_NOTICE: 'true',
        },
      },
      (error, stdout, stderr) => {
        if (stdout.trimStart().startsWith('{')) done(stdout);
        else fail(error ?? new Error(stderr));
      },
    );
  });
  const { problems } = JSON.parse(output) as { problems: readonly Finding[] };
  return problems.map(
    ({ ruleId, message, location }) => `${ruleId}: ${message} (${location[0]?.pointer})`,
  );
}

for (const name of ['keyserver', 'secureproxy']) {
  t.test(`the linter finds neither errors nor warnings in ${name}.json`, async (t) => {
    t.same(await lint(join(root, `openapi/${name}.json`)), []);
  });
}

t.test('the linter does find what is wrong', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'openapi-lint-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const document = JSON.parse(readFileSync(join(root, 'openapi/secureproxy.json'), 'utf8'));
  document.paths['/readyz'].get.operationId = document.paths['/healthz'].get.operationId;
  delete document.paths['/errors/{code}'].get.parameters;
  document.paths['/request_api'].post.responses['400'].content['application/problem+json'].schema =
    {
      $ref: '#/components/schemas/Nowhere',
    };
  const file = join(folder, 'broken.json');
  writeFileSync(file, JSON.stringify(document));
  const rules = (await lint(file)).map((finding) => finding.split(':', 1)[0]);
  for (const rule of [
    'operation-operationId-unique',
    'path-parameters-defined',
    'no-unresolved-refs',
  ])
    t.ok(rules.includes(rule), `${rule} among ${rules}`);
});
