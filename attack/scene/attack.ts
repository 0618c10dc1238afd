import type { OperationContext } from '../../keyserver/operations/context.ts';
import type { Authority } from '../../test/support/certificates.ts';
import type { NameServer } from '../../test/support/name-server.ts';
import type { Upstream } from '../../test/support/upstream.ts';

/** The classes of attacks, in the order of the table. */
export const attackClasses = [
  'url',
  'address',
  'redirect',
  'headers',
  'tls',
  'giveaway',
  'tenancy',
  'load',
  'operator',
] as const;
export type AttackClass = (typeof attackClasses)[number];

/** One thing that somebody tries. */
export interface Attack {
  readonly class: AttackClass;
  /** What is tried, as a phrase. */
  readonly name: string;
  /** Set where it needs what only a pair of our own has: its database, its names, its log. */
  readonly ownOnly?: true;
  run(scene: Scene): Promise<Outcome>;
}

/** What came of an attack. */
export interface Outcome {
  readonly held: boolean;
  /** What happened, as a phrase. */
  readonly happened: string;
}

/** A pair to attack, and what the attackers have. */
export interface Scene {
  /** Origin of SecureProxy. */
  readonly proxy: string;
  /** Key of an app that may use {@link clientId} and {@link tokenType}. */
  readonly appKey: string;
  readonly clientId: string;
  readonly tokenType: string;
  /** Where the type's tokens may go; it does whatever an attack wants. */
  readonly upstream: Upstream;
  /** Origin of {@link upstream} as the type's destination has it. */
  readonly origin: string;
  /** Requests at places where no token may ever come. */
  strays(): number;
  /** The client's token. */
  readonly token: string;
  readonly own?: OwnScene;
}

/** What there is beside, where the pair is our own. */
export interface OwnScene {
  /** Origin of KeyServer. */
  readonly keyserver: string;
  readonly proxyKey: string;
  /** Where its database and keys are (storagePlaces). */
  readonly folder: string;
  readonly admin: OperationContext;
  /** The name server that SecureProxy asks. */
  readonly names: NameServer;
  /** Issues certificates of the CA that SecureProxy trusts. */
  readonly issue: Authority['issue'];
  /** Key of an app without grants. */
  readonly strangerKey: string;
  /** Key of an app that may use the client `shop-2` alone. */
  readonly otherKey: string;
  /** The token of `shop-2`. */
  readonly otherToken: string;
  readonly proxyPid: number;
  /** All that both services have printed. */
  printed(): Promise<string>;
  /** Port of {@link Scene.upstream}; at other addresses of this machine strays are counted there. */
  readonly port: number;
}

/** @throws Error where the pair is not our own: such attacks are not run there */
export function ownOf({ own }: Scene): OwnScene {
  if (own === undefined) throw new Error('needs a pair of its own');
  return own;
}
