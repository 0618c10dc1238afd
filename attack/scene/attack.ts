import type { OperationContext } from '../../keyserver/operations/context.ts';
import type { Authority } from '../../test/support/certificates.ts';
import type { NameServer } from '../../test/support/name-server.ts';
import type { Upstream } from '../../test/support/upstream.ts';

/** The classes of attacks, in the order of the table. */
export const attackClasses = [
  'url',
  'address',
  'redirect',
  'forward',
  'headers',
  'tls',
  'giveaway',
  'tenancy',
  'load',
  'neighbours',
  'strangers',
  'limits',
  'operator',
] as const;
export type AttackClass = (typeof attackClasses)[number];

export interface Attack {
  readonly class: AttackClass;
  /** A phrase for the table. */
  readonly name: string;
  /** Set if it needs a pair of our own: its KeyServer, its name server or its log. */
  readonly ownOnly?: true;
  run(scene: Scene): Promise<Outcome>;
}

export interface Outcome {
  readonly held: boolean;
  /** A phrase for the table. */
  readonly happened: string;
}

/** A pair to attack, and the means of the attackers. */
export interface Scene {
  /** Origin of SecureProxy. */
  readonly proxy: string;
  /** Key of an app that may use {@link clientId} and {@link tokenType}. */
  readonly appKey: string;
  readonly clientId: string;
  readonly tokenType: string;
  /** The type's one destination, scripted by each attack. */
  readonly upstream: Upstream;
  /** Origin of {@link upstream} as in the type's destination. */
  readonly origin: string;
  /** Count of requests at addresses that may receive no token. */
  strays(): number;
  /** The client's token. */
  readonly token: string;
  readonly own?: OwnScene;
}

/** The rest of a pair of our own. */
export interface OwnScene {
  /** Origin of KeyServer. */
  readonly keyserver: string;
  readonly proxyKey: string;
  /** Folder of its database and keys (storagePlaces). */
  readonly folder: string;
  readonly admin: OperationContext;
  /** The name server that SecureProxy uses. */
  readonly names: NameServer;
  /** Issues certificates of the CA that SecureProxy trusts. */
  readonly issue: Authority['issue'];
  /** Key of an app without grants. */
  readonly strangerKey: string;
  /** Key of an app that may use the client `shop-2` alone. */
  readonly otherKey: string;
  /** Key of an app that may use the type `routed` under rules alone: GET and POST of `/allowed*`. */
  readonly ruledKey: string;
  /** The token of `shop-2`. */
  readonly otherToken: string;
  readonly proxyPid: number;
  /** Halts KeyServer until what it returns is called. */
  haltKeyserver(): () => void;
  /** The output of both services. */
  printed(): Promise<string>;
  /** Port of {@link Scene.upstream}, and of the traps at other addresses of this machine. */
  readonly port: number;
}

/** @throws Error if the pair is not our own */
export function ownOf({ own }: Scene): OwnScene {
  if (own === undefined) throw new Error('needs a pair of its own');
  return own;
}
