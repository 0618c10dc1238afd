import { ConfigError } from '../../../shared/settings/config.ts';
import { openDatabase } from '../../database.ts';
import { loadRsaKeys } from '../../keys/rsa-keys.ts';
import { type AdminContext, loadKeys } from '../../operations/context.ts';
import { type Store, StoreUnavailableError } from '../../store/store.ts';
import type { AdminIo } from '../shell/io.ts';
import { count } from '../shell/output.ts';
import { type AdminSettings, defaultPlaceNote, readSettings } from '../shell/settings.ts';
import { type Check, check } from './check.ts';
import { checkCounter } from './counter-check.ts';
import { checkDocuments } from './document-checks.ts';
import { checkTokens } from './token-checks.ts';

/**
 * Looks at everything that KeyServer stands on, and changes nothing. Never rejects for what it is
 * there to find: that is a check's finding. What cannot be looked at for an earlier fault is left out.
 */
export async function diagnose(io: AdminIo): Promise<Check[]> {
  const settings = attempt(() => readSettings(io));
  if (!settings.done) return [check('settings', 'cannot be used', settings.faults)];
  const { environment } = settings.value;
  const keys = attempt(() => loadKeys(settings.value.config));
  return [
    check(
      'settings',
      settings.value.isDefaultPlace ? defaultPlaceNote : 'complete',
      settings.value.warnings,
      'warning',
    ),
    unsafeSettings(environment),
    keys.done
      ? check('keyring', `primary key ${keys.value.keyring.primaryKid}`)
      : check('keyring', 'cannot be used', keys.faults),
    ...(await rsaKeys(environment.RSA_KEY_DIR)),
    ...(await checkDatabase(settings.value, io, keys.done ? keys.value : undefined)),
  ];
}

function unsafeSettings(environment: AdminSettings['environment']): Check {
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

/** KeyServer's own keys, where the operator's environment says where they are. */
async function rsaKeys(folder: string | undefined): Promise<Check[]> {
  if (!folder) return [];
  try {
    const { primary } = await loadRsaKeys(folder);
    return [check('rsa keys', `primary key id ${primary.keyId}`)];
  } catch (error) {
    return [check('rsa keys', 'cannot be used', configFaults(error))];
  }
}

async function checkDatabase(
  { config }: AdminSettings,
  { clock }: AdminIo,
  keys: Pick<AdminContext, 'keyring' | 'legacyKey'> | undefined,
): Promise<Check[]> {
  const opened = attempt(() => openDatabase(config));
  if (!opened.done) return [check('database', 'cannot be used', opened.faults)];
  const store = opened.value;
  const checks: Check[] = [];
  try {
    checks.push(await migrations(store));
    if (keys === undefined || checks.some(({ status }) => status === 'fault')) return checks;
    const context = { ...keys, store, clock };
    const { checks: documentChecks, ...known } = await checkDocuments(context);
    checks.push(...documentChecks, ...(await checkTokens(context, known)));
    checks.push(await checkCounter(context));
    return checks;
  } catch (error) {
    if (!(error instanceof StoreUnavailableError)) throw error;
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
    pending.map((name) => `migration ${name} is pending: run keyserver-admin migrate`),
  );
}

type Attempt<T> =
  | { readonly done: true; readonly value: T }
  | { readonly done: false; readonly faults: readonly string[] };

function attempt<T>(work: () => T): Attempt<T> {
  try {
    return { done: true, value: work() };
  } catch (error) {
    return { done: false, faults: configFaults(error) };
  }
}

function configFaults(error: unknown): readonly string[] {
  if (error instanceof ConfigError) return error.faults;
  throw error;
}
