import { baseCalls, type MakeCase, plainCase } from './case.ts';

/** SecureProxy that asks KeyServer at each call. */
export const coldCases = {
  cold: (context) => {
    const { coldProxy, keyserver } = context;
    const both = [coldProxy, keyserver];
    return plainCase(
      'cold: release by ticket at each call, both services',
      coldProxy,
      baseCalls(context, { to: coldProxy }),
      { measured: both, passes: both },
    );
  },
} satisfies Record<string, MakeCase>;
