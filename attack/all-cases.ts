import type { Attack } from '../attack.ts';
import { addressAttacks } from './address.ts';
import { databaseAttacks } from './database/all.ts';
import { exchangeAttacks } from './exchange/all.ts';
import { giveawayAttacks } from './giveaway.ts';
import { headerAttacks } from './headers/all.ts';
import { loadAttacks } from './load/all.ts';
import { operatorAttacks } from './operator/all.ts';
import { printedAttack } from './printed.ts';
import { redirectAttacks } from './redirect.ts';
import { tenancyAttacks } from './tenancy.ts';
import { tlsAttacks } from './tls.ts';
import { urlAttacks } from './url.ts';

/** Every attack, in the order in which they are tried. */
export const attacks: readonly Attack[] = [
  ...urlAttacks,
  ...addressAttacks,
  ...redirectAttacks,
  ...headerAttacks,
  ...tlsAttacks,
  ...giveawayAttacks,
  ...tenancyAttacks,
  ...loadAttacks,
  ...exchangeAttacks,
  ...databaseAttacks,
  ...operatorAttacks,
  printedAttack,
];
