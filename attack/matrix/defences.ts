import type { Defence } from './defence.ts';
import { keyserverDefences } from './keyserver-defences.ts';
import { policyDefences } from './policy-defences.ts';
import { proxyDefences } from './proxy-defences.ts';

/** Every defence that the attacks are to show. */
export const defences: readonly Defence[] = [
  ...policyDefences,
  ...proxyDefences,
  ...keyserverDefences,
];
