import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { LocalError } from '../../local/local-error.ts';
import { type AttackClass, attackClasses } from './attack.ts';

/** A pair that runs elsewhere, such as staging, and the address at which it reaches our upstream. */
export interface GivenPair {
  readonly proxy: string;
  readonly appKey: string;
  readonly clientId: string;
  readonly tokenType: string;
  /** The client's token, a made-up one, for which answers are searched. */
  readonly token: string;
  /** Origin of the type's destination, which leads to {@link listen}. */
  readonly upstream: string;
  readonly listen: { readonly host: string; readonly port: number };
  readonly identity: { readonly cert: string; readonly key: string } | undefined;
}

export interface AttackOptions {
  readonly json: boolean;
  /** Undefined: all. */
  readonly only: AttackClass | undefined;
  /** Undefined: a pair is started. */
  readonly given: GivenPair | undefined;
}

const text = { type: 'string' } as const;
const flags = {
  json: { type: 'boolean', default: false },
  only: text,
  proxy: text,
  'app-key-file': text,
  'token-file': text,
  client: text,
  type: text,
  upstream: text,
  listen: text,
  'cert-file': text,
  'key-file': text,
} as const;

/** Reads the flags of docs/threat-model.md. @throws LocalError */
export function readAttackOptions(args: readonly string[]): AttackOptions {
  const values = parse(args);
  const only = attackClasses.find((name) => name === values.only);
  if (values.only !== undefined && only === undefined) {
    throw new LocalError(`--only is one of ${attackClasses.join(', ')}`);
  }
  return { json: values.json, only, given: givenPair(values) };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: flags }).values;
  } catch (error) {
    throw new LocalError((error as Error).message);
  }
}

function givenPair(values: ReturnType<typeof parse>): GivenPair | undefined {
  if (values.proxy === undefined) return undefined;
  const need = (name: keyof typeof values): string => {
    const value = values[name];
    if (typeof value !== 'string') throw new LocalError(`--proxy needs --${name}, too`);
    return value;
  };
  const [, host = '', port = ''] = /^(.*):(\d+)$/.exec(need('listen')) ?? [];
  if (host === '') throw new LocalError('--listen is an address and a port, such as 0.0.0.0:8443');
  const isTls = values['cert-file'] !== undefined || values['key-file'] !== undefined;
  return {
    proxy: origin('--proxy', need('proxy')),
    appKey: read(need('app-key-file')),
    token: read(need('token-file')),
    clientId: need('client'),
    tokenType: need('type'),
    upstream: destination(need('upstream')),
    listen: { host, port: Number(port) },
    identity: isTls ? { cert: read(need('cert-file')), key: read(need('key-file')) } : undefined,
  };
}

function origin(flag: string, value: string): string {
  const url = URL.parse(value);
  if (url === null || !/^https?:$/.test(url.protocol)) throw new LocalError(`${flag} is no URL`);
  return url.origin;
}

/** Without https, or a dot that can be spelled otherwise, some attacks would prove nothing. */
function destination(value: string): string {
  const upstream = origin('--upstream', value);
  if (!/^https:.*\./.test(upstream)) {
    throw new LocalError('--upstream must be https, at a host name with a dot');
  }
  return upstream;
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8').trim();
  } catch (error) {
    throw new LocalError(`cannot read ${file} (${(error as NodeJS.ErrnoException).code})`);
  }
}
