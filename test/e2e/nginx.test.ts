import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import t from 'tap';

const deploy = resolve(import.meta.dirname, '../../deploy');

/** The directives of a configuration. */
function directives(file: string): string[] {
  const lines = readFileSync(join(deploy, file), 'utf8').split('\n');
  return lines.filter((line) => !/^\s*(?:#|$)/.test(line));
}

t.test('nginx.conf is the same without TLS', async (t) => {
  const withoutTls = directives('nginx-tls.conf')
    .filter((line) => !/^\s*(?:proxy_)?ssl_/.test(line))
    .map((line) => line.replace(' ssl;', ';').replace('https:', 'http:'));
  t.same(directives('nginx.conf'), withoutTls);
});
