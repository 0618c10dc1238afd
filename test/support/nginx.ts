import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join, resolve } from 'node:path';
import type { Test } from 'tap';

const project = resolve(import.meta.dirname, '../..');

/**
 * Runs nginx with a configuration of deploy/, in which names, ports and paths are replaced as `replaced` says;
 * stopped after the test.
 */
export async function startNginx(
  t: Test,
  file: string,
  folder: string,
  replaced: Readonly<Record<string, string>>,
): Promise<ChildProcess> {
  mkdirSync(folder, { recursive: true });
  let text = readFileSync(join(project, 'deploy', file), 'utf8');
  for (const [from, to] of Object.entries(replaced)) {
    if (!text.includes(from)) throw new Error(`${file} has no ${from}`);
    text = text.replaceAll(from, to);
  }
  writeFileSync(join(folder, 'services.conf'), text);
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (kind) => `${kind}_temp_path ${join(folder, kind)};`,
  );
  writeFileSync(
    join(folder, 'nginx.conf'),
    `user ${userInfo().username};
    daemon off;
    worker_processes 1;
    pid ${join(folder, 'nginx.pid')};
    events { worker_connections 512; }
    http { access_log off; ${temporary.join(' ')} include ${join(folder, 'services.conf')}; }`,
  );
  const nginx = spawn('nginx', ['-c', join(folder, 'nginx.conf'), '-e', join(folder, 'error.log')]);
  const ended = once(nginx, 'close');
  t.teardown(async () => {
    nginx.kill('SIGTERM');
    await ended;
  });
  return nginx;
}
