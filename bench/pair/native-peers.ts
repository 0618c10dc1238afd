import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Proxies without Node: the lower bound of a proxy with a static header. */
export type NativePeer = 'nginx' | 'haproxy';

export interface NativePeerOptions {
  /** A private folder for the configuration, which has the token: arguments would be public. */
  readonly folder: string;
  readonly port: number;
  readonly upstreamPort: number;
  readonly upstreamConnections: number;
  readonly token: string;
}

/** The command of a peer as one process in the foreground; undefined if the machine has no such program. */
export function nativePeerCommand(
  peer: NativePeer,
  options: NativePeerOptions,
): readonly [string, ...string[]] | undefined {
  if (spawnSync(peer, ['-v']).status !== 0) return undefined;
  const file = join(options.folder, `${peer}.conf`);
  writeFileSync(file, configurations[peer](options), { mode: 0o600 });
  const args = peer === 'nginx' ? ['-p', options.folder, '-e', 'stderr', '-c', file] : ['-f', file];
  // It must end with the benchmark, however that ends.
  return ['setpriv', '--pdeathsig', 'TERM', peer, ...args];
}

const configurations: Readonly<Record<NativePeer, (options: NativePeerOptions) => string>> = {
  nginx: ({ folder, port, upstreamPort, upstreamConnections, token }) => `
daemon off;
master_process off;
pid ${folder}/nginx.pid;
events { worker_connections 1024; }
http {
  access_log off;
  client_body_temp_path ${folder}/nginx-body;
  proxy_temp_path ${folder}/nginx-proxy;
  fastcgi_temp_path ${folder}/nginx-fastcgi;
  uwsgi_temp_path ${folder}/nginx-uwsgi;
  scgi_temp_path ${folder}/nginx-scgi;
  upstream marketplace {
    server 127.0.0.1:${upstreamPort};
    keepalive ${upstreamConnections};
    keepalive_requests 1000000000;
  }
  server {
    listen 127.0.0.1:${port};
    keepalive_requests 1000000000;
    location = /readyz { return 200; }
    location / {
      proxy_pass http://marketplace;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Authorization "Bearer ${token}";
    }
  }
}
`,
  haproxy: ({ port, upstreamPort, token }) => `
global
  nbthread 1
defaults
  mode http
  timeout connect 5s
  timeout client 60s
  timeout server 60s
frontend callers
  bind 127.0.0.1:${port}
  monitor-uri /readyz
  default_backend marketplace
backend marketplace
  http-request set-header Authorization "Bearer ${token}"
  http-reuse always
  server marketplace 127.0.0.1:${upstreamPort}
`,
};
