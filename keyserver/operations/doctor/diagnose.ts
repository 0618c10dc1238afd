import type { Clock } from '../../../shared/clock.ts';
import { check } from '../../../shared/doctor/check.ts';
import { ConfigError, type Environment } from '../../../shared/settings/config.ts';
import { loadRsaKeys } from '../../keys/rsa-keys.ts';
import { openDatabase } from '../../storage/database.ts';
import type { DatabaseConfig, StorageConfig } from '../../storage/settings.ts';
import { isDocumentKind, type Store } from '../../store/store.ts';
import { StoreError } from '../../store/store-error.ts';
import { loadKeys, type ReadContext } from '../context.ts';
import { count } from '../count.ts';
import { checkCertificates } from './certificate-check.ts';
import { checkChanges } from './change-checks.ts';
import { type Check, skipped } from './check.ts';
import { checkDocuments } from './document-checks.ts';
import { checkTokens } from './token-checks.ts';

export interface Installation {
  /** Without `KEYRING_DIR` nothing is verified. */
  readonly config: StorageConfig | DatabaseConfig;
  /** All settings, including those of KeyServer alone. */
  readonly environment: Environment;
  readonly clock: Clock;
}

/**
 * Checks everything that KeyServer relies on, and changes nothing. A fault is a finding, never a
 * rejection; a check that an earlier fault makes impossible is left out.
 */
export async function diagnose({ config, environment, clock }: Installation): Promise<Check[]> {
  const keys = await attempt(() => keysOf(config));
  return [
    unsafeSettings(environment),
    keys.done ? keyringCheck(keys.value) : check('keyring', 'cannot be used', keys.faults),
    ...(await rsaKeys(environment.RSA_KEY_DIR)),
    checkCertificates(config, environment, clock),
    ...(await checkDatabase(config, clock, keys.done ? keys.value : undefined)),
  ];
}

type Keys = Pick<ReadContext, 'keyring' | 'legacyKey'>;

function keysOf(config: Installation['config']): Keys {
  return 'KEYRING_DIR' in config ? loadKeys(config) : { keyring: undefined };
}

function keyringCheck({ keyring }: Keys): Check {
  return keyring === undefined
    ? skipped('keyring')
    : check('keyring', `primary key ${keyring.primaryKid}`);
}

function unsafeSettings(environment: Environment): Check {
  const names = Object.keys(environment).filter(
    (name) => name.startsWith('UNSAFE_') && !['', '0', 'false'].includes(environment[name] ?? ''),
  );
  return check(
    'unsafe settings',
    names.length === 0 ? 'none' : count(names.length, 'setting'),
    names.map((name) => `${name} is set`),
    'warning',
  );
}

/** KeyServer's own keys, if the operator's environment has their folder. */
async function rsaKeys(folder: string | undefined): Promise<Check[]> {
  if (!folder) return [];
  const keys = await attempt(() => loadRsaKeys(folder));
  return [
    keys.done
      ? check('rsa keys', `primary key id ${keys.value.primary.keyId}`)
      : check('rsa keys', 'cannot be used', keys.faults),
  ];
}

async function checkDatabase(
  config: DatabaseConfig,
  clock: Clock,
  keys: Keys | undefined,
): Promise<Check[]> {
  // Except under a keyring, its user may be one that can only read.
  const readOnly = keys !== undefined && keys.keyring === undefined;
  const opened = await attempt(() => openDatabase(config, { readOnly }));
  if (!opened.done) return [check('database', 'cannot be used', opened.faults)];
  const store = opened.value;
  const checks: Check[] = [];
  try {
    checks.push(await migrations(store));
    if (keys === undefined || checks.some(({ status }) => status === 'fault')) return checks;
    checks.push(await tokenTable(store));
    const context = { ...keys, store, clock };
    const known = await checkDocuments(context);
    checks.push(...known.checks, ...(await checkTokens(context, known)));
    checks.push(await checkCounter(context), ...(await checkChanges(context)));
    return checks;
  } catch (error) {
    if (!(error instanceof StoreError)) throw error;
    return [...checks, check('database', store.description, [error.message])];
  } finally {
    await store.close();
  }
}

async function migrations(store: Store): Promise<Check> {
  const pending = await store.pendingMigrations();
  return check(
    'database',
    store.description,
    pending.map((name) => ({
      problem: `migration ${name} is pending`,
      suggestion: { do: 'apply_migrations' },
    })),
  );
}

async function tokenTable(store: Store): Promise<Check> {
  const findings = await store.tokenTableFindings();
  return check(
    'token table',
    'its columns',
    findings.map(({ message }) => message),
    findings.some(({ severity }) => severity === 'fault') ? 'fault' : 'warning',
  );
}

/**
 * Checks that no document or change is ahead of the change counter: a counter that was set back
 * repeats revisions, which running KeyServers reject. @throws StoreError
 */
async function checkCounter({ store }: ReadContext): Promise<Check> {
  const seq = await store.lastSeq();
  const documents = (await store.documents()).filter(({ revision }) => revision > seq);
  const changes = await store.changesSince(seq);
  return check('change counter', `at ${seq}`, [
    ...documents.map(
      ({ kind, id, revision }) =>
        `${isDocumentKind(kind) ? `the ${kind}` : 'the document'} ${JSON.stringify(id)} has revision ${revision}, which is ahead of the counter`,
    ),
    ...changes.map((change) => `change ${change.seq} is ahead of the counter`),
  ]);
}

type Attempt<T> =
  | { readonly done: true; readonly value: T }
  | { readonly done: false; readonly faults: readonly string[] };

async function attempt<T>(work: () => T | Promise<T>): Promise<Attempt<T>> {
  try {
    return { done: true, value: await work() };
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return { done: false, faults: error.faults };
  }
}
