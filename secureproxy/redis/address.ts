export interface RedisAddress {
  /** A name, or an address without brackets. */
  readonly host: string;
  readonly port: number;
  readonly isTls: boolean;
  readonly username: string;
  readonly password: string;
  readonly database: number;
}

const defaultPort = 6379;

/** Reads `redis[s]://user:password@host:port/database`; undefined for another text. */
export function parseRedisUrl(text: string): RedisAddress | undefined {
  const url = URL.parse(text);
  if (!url?.hostname || !/^\/?\d*$/.test(url.pathname)) return undefined;
  try {
    return {
      host: url.hostname.replace(/^\[|\]$/g, ''),
      port: Number(url.port) || defaultPort,
      isTls: url.protocol === 'rediss:',
      username: decodeURIComponent(url.username),
      password: decodeURIComponent(url.password),
      database: Number(url.pathname.slice(1)),
    };
  } catch {
    return undefined;
  }
}
