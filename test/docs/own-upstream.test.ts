import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { createAuthority } from '../../local/certificate.ts';
import { startPair } from '../support/pair.ts';
import { pollUntil } from '../support/poll-until.ts';
import { answers, startUpstream } from '../support/upstream.ts';
import { typistEnvironment } from './fresh-clone.ts';
import { pageBlocks } from './page-blocks.ts';
import { openShell } from './shell-session.ts';
import { root } from './sources.ts';
import { toolInProcess } from './tool-in-process.ts';

const page = readFileSync(join(root, 'docs/admin.md'), 'utf8');
const place = "Token types / An upstream of one's own";
const [define = '', call = ''] = pageBlocks(page)
  .filter((block) => block.place === place && block.language === 'sh')
  .map(({ text }) => text);

t.test('the commands of the recipe lead to a call with the secret', async (t) => {
  const { ca, issue } = await createAuthority('Company', new Date());
  const { certificate, privateKey } = await issue(['127.0.0.1']);
  const upstream = await startUpstream(t, {
    identity: { cert: certificate, key: privateKey },
  });
  upstream.script(answers(200, '{"orders":[]}', [['Content-Type', 'application/json']]));
  const pair = await startPair(t, { upstream: 'http://127.0.0.1:9' });
  writeFileSync(join(pair.folder, 'company-ca.pem'), ca);
  writeFileSync(join(pair.folder, 'erp.json'), '{"tenant": "t-1", "apiKey": "made-up-api-key-1f"}');
  const shell = openShell(t, {
    scratch: mkdtempSync(join(pair.folder, 'scratch-')),
    folder: pair.folder,
    environment: { ...typistEnvironment, ...pair.settings },
  });
  await shell.run(await toolInProcess(t));
  const here = (commands: string) =>
    shell.run(
      commands
        .replaceAll('erp.example.com:8443', `127.0.0.1:${upstream.port}`)
        .replace('10.1.0.0/16', '127.0.0.0/8')
        .replaceAll('http://127.0.0.1:5004', pair.secureproxy.origin),
    );
  await here(define);
  const printed = await pollUntil(
    'the app is known',
    () => here(`{\n${call}} || true`),
    (text) => text.endsWith('{"orders":[]}'),
  );
  t.match(printed, /^valid/);
  const secret = [['t-1'], ['made-up-api-key-1f']];
  for (const target of ['/v1/me', '/v1/orders?limit=10']) {
    const request = upstream.requests.findLast((one) => one.target === target);
    t.same([request?.all('x-tenant'), request?.all('x-api-key')], secret, target);
  }
});
