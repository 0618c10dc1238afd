import { addressAttacks } from './cases/address.ts';
import { bodyKeyAttacks } from './cases/body-key.ts';
import { boundAttacks } from './cases/bound.ts';
import { errorBodyAttacks } from './cases/error-body.ts';
import { forwardAttacks } from './cases/forward.ts';
import { giveawayAttacks } from './cases/giveaway.ts';
import { headerAttacks } from './cases/headers/all.ts';
import { limitAttacks } from './cases/limits.ts';
import { loadAttacks } from './cases/load/all.ts';
import { neighbourAttacks } from './cases/neighbours/all.ts';
import { operatorAttacks } from './cases/operator/all.ts';
import { printedAttack } from './cases/printed.ts';
import { probeAttacks } from './cases/probe.ts';
import { redirectAttacks } from './cases/redirect.ts';
import { routingAttacks } from './cases/routing.ts';
import { strangerAttacks } from './cases/strangers/all.ts';
import { tenancyAttacks } from './cases/tenancy.ts';
import { tlsAttacks } from './cases/tls.ts';
import { tokenEndpointAttacks } from './cases/token-endpoint.ts';
import { urlAttacks } from './cases/url.ts';
import type { Attack } from './scene/attack.ts';

/** Every attack, in the order in which they are tried. */
export const attacks: readonly Attack[] = [
  ...urlAttacks,
  ...addressAttacks,
  ...redirectAttacks,
  ...forwardAttacks,
  ...bodyKeyAttacks,
  ...boundAttacks,
  ...routingAttacks,
  ...tokenEndpointAttacks,
  ...errorBodyAttacks,
  ...headerAttacks,
  ...tlsAttacks,
  ...giveawayAttacks,
  ...probeAttacks,
  ...tenancyAttacks,
  ...loadAttacks,
  ...neighbourAttacks,
  ...strangerAttacks,
  ...limitAttacks,
  ...operatorAttacks,
  printedAttack,
];
