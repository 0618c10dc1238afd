import { ConfigError } from './config.ts';

/** The faults that `check` throws as a {@link ConfigError}; empty if it passes. */
export function faultsOf(check: () => unknown): readonly string[] {
  try {
    check();
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.faults;
    throw error;
  }
}

/** Loads something that a setting names: the faults then begin with the setting. @throws ConfigError */
export function ofSetting<T>(setting: string, load: () => T): T {
  try {
    return load();
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    throw new ConfigError(error.faults.map((fault) => `${setting}: ${fault}`));
  }
}

/**
 * Runs every load, also after one has failed, and returns their results in order.
 * @throws ConfigError with the faults of all that failed
 */
export function loadAll<T extends readonly unknown[]>(
  loads: readonly [...{ [I in keyof T]: () => T[I] }],
): T {
  const results: unknown[] = [];
  const faults = loads.flatMap((load) =>
    faultsOf(() => {
      results.push(load());
    }),
  );
  if (faults.length > 0) throw new ConfigError(faults);
  return results as unknown as T;
}
