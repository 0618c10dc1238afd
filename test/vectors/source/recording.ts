import crypto, { createPrivateKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { join } from 'node:path';
import type { KeyserverClient } from '../../../secureproxy/keyserver-client/client.ts';
import { pooledRandom } from '../../../shared/crypto/random-pool.ts';
import { writeKeyFolder } from '../../support/key-folders.ts';
import { fixedBytes } from './vector.ts';

/** Exchanges of one version: what SecureProxy sent and what KeyServer answered, with all that opens them. */
export interface Recording {
  readonly about: string;
  /** Of package.json, when it was recorded. */
  readonly version: string;
  /** Unix milliseconds, when every exchange took place. */
  readonly at: number;
  readonly appKey: string;
  readonly proxyKey: string;
  readonly state: RecordedState;
  readonly conversations: readonly Conversation[];
}

/** The database as it was, and the token that was put before the first question. */
export interface RecordedState {
  readonly seq: number;
  readonly history: string;
  readonly storage: readonly Readonly<Record<string, string>>[];
  readonly documents: readonly Readonly<Record<string, string | number>>[];
  readonly putLater: {
    readonly clientId: string;
    readonly tokenType: string;
    readonly token: string;
  };
}

/** All questions of one new SecureProxy, the first of which begins a session. */
export interface Conversation {
  readonly questions: readonly RecordedQuestion[];
}

export interface RecordedQuestion {
  readonly name: QuestionName;
  /** See {@link fixRandom}. */
  readonly random: number;
  /** In order: `/public_key` may come before the question itself. */
  readonly exchanges: readonly RecordedExchange[];
  /** SecureProxy's verdict on the last answer; a code and a reason if it was a problem. */
  readonly outcome: unknown;
}

export interface RecordedExchange {
  readonly path: string;
  readonly request: string;
  readonly status: number;
  readonly answer: string;
}

const target = { method: 'POST', url: 'https://api.example/v1/orders' } as const;
const trace = {};

/** Questions that SecureProxy asks, in the order in which each is asked once. */
export const questions = {
  changes: (client, { state }) => client.changes(state.seq),
  whoami: (client, { appKey }) => client.whoami({ appKey, trace }),
  release: async (client, { appKey }) =>
    (await client.obtain({ appKey, trace, target, clientId: 'shop-1', tokenType: 'market' }))
      .release,
  explanation: async (client, { appKey }) =>
    (await client.explain({ appKey, trace, target, clientId: 'shop-1', tokenType: 'market' }))
      .explanation,
  'unknown token': (client, { appKey }) =>
    client.obtain({ appKey, trace, target, clientId: 'shop-9', tokenType: 'market' }),
} satisfies Readonly<
  Record<
    string,
    (client: KeyserverClient, of: Pick<Recording, 'appKey' | 'state'>) => Promise<unknown>
  >
>;

export type QuestionName = keyof typeof questions;

/**
 * Has everything random consist of this byte from now on, so that a question is sealed as it was when it was
 * recorded, in whichever order the random values are taken. Wrapped session keys stay random.
 */
export function fixRandom(byte: number): void {
  Object.assign(crypto, {
    randomBytes: (size: number) => Buffer.alloc(size, byte),
    randomFillSync: (bytes: Buffer) => bytes.fill(byte),
  });
  syncBuiltinESMExports();
  // Uses up what the pool has of the byte before.
  pooledRandom(4096);
}

/** Settings with the keys that every recording was made with. */
export function recordedKeys(folder: string): { KEYRING_DIR: string; RSA_KEY_DIR: string } {
  const file = new URL('../keys/rsa-test-only.json', import.meta.url);
  const { privateJwk } = JSON.parse(readFileSync(file, 'utf8')).primary;
  const pem = createPrivateKey({ key: privateJwk, format: 'jwk' }).export({
    type: 'pkcs8',
    format: 'pem',
  });
  return {
    KEYRING_DIR: writeKeyFolder(join(folder, 'keyring'), {
      '2026-a.key': fixedBytes('at-rest key', 32),
    }),
    RSA_KEY_DIR: writeKeyFolder(join(folder, 'rsa'), { 'r1.pem': pem as string }),
  };
}
