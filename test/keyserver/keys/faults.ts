import { ConfigError } from '../../../shared/settings/config.ts';

/** The faults that a loader names; empty if it loads. */
export async function faultsOf(load: () => unknown): Promise<readonly string[]> {
  try {
    await load();
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.faults;
    throw error;
  }
}
