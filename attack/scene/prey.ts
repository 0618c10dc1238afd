import { randomBytes } from 'node:crypto';
import { createApp } from '../../keyserver/operations/callers.ts';
import { readDocument } from '../../keyserver/operations/documents.ts';
import { addGrant } from '../../keyserver/operations/grants.ts';
import { putToken } from '../../keyserver/operations/tokens.ts';
import { putType } from '../../keyserver/operations/types.ts';
import type { ErrorCode } from '../../shared/errors.ts';
import type { Policy } from '../../shared/policy/schema.ts';
import { type Attack, type Outcome, type OwnScene, ownOf, type Scene } from './attack.ts';
import { DatabaseUser } from './database-user.ts';
import { refused } from './judge.ts';
import { credentialOf, judge, obtain, startFrom } from './keyserver.ts';
import { upstreamAddress } from './own-scene.ts';
import { awaitSeq } from './seen.ts';

/** What one attack on the database is about: documents and tokens of its own, which end with it. */
export interface Prey {
  readonly scene: Scene;
  readonly own: OwnScene;
  readonly user: DatabaseUser;
  /** Its tokens go to the scene's upstream. */
  readonly type: string;
  /** A type for harmless tokens, which go to {@link evil}, too. */
  readonly openType: string;
  readonly policy: Policy;
  /** An origin that the attackers have. */
  readonly evil: string;
  /** May use {@link client} alone. */
  readonly app: string;
  readonly appKey: string;
  /** May use both clients. */
  readonly mightyApp: string;
  readonly client: string;
  readonly victim: string;
}

/** What the attackers do when they have changed the database. */
export type Attempt =
  | { readonly members?: object; readonly appKey?: string | null }
  /** Asks KeyServer itself by this credential. */
  | { readonly credential: object };

export interface DatabaseAttack {
  readonly codes: readonly ErrorCode[];
  tamper(prey: Prey): Attempt | Promise<Attempt>;
  /** Takes back what would stay in the way of others. */
  undo?(prey: Prey): void;
  /** Set where the change counter is the attack's own to move. */
  readonly movesCounter?: true;
}

/** Each attack: held where what the attackers would profit by is refused, and nothing is sent. */
export function attacksOnDatabase(attacks: Readonly<Record<string, DatabaseAttack>>): Attack[] {
  return Object.entries(attacks).map(([name, attack]) => ({
    class: 'database',
    name,
    ownOnly: true,
    run: (scene) => tryOn(scene, attack),
  }));
}

async function tryOn(scene: Scene, attack: DatabaseAttack): Promise<Outcome> {
  const user = new DatabaseUser(ownOf(scene));
  try {
    const prey = await makePrey(scene, user);
    try {
      const attempt = await attack.tamper(prey);
      if (!attack.movesCounter) user.moveCounter(1);
      await awaitSeq(scene);
      return await make(attempt, prey, attack.codes);
    } finally {
      attack.undo?.(prey);
      clear(prey);
    }
  } finally {
    user.close();
  }
}

async function make(attempt: Attempt, prey: Prey, codes: readonly ErrorCode[]): Promise<Outcome> {
  const { scene, client, type, appKey } = prey;
  if ('credential' in attempt) {
    const given = await startFrom(scene);
    const credential = { ...credentialOf(scene), ...attempt.credential };
    const request = given.ask({ clientId: client, tokenType: type, credential });
    return judge(given, await given.post(request), codes);
  }
  const members = { ClientId: client, TokenType: type, ...attempt.members };
  return refused(scene, codes, members, { appKey, ...attempt });
}

let count = 0;

async function makePrey(scene: Scene, user: DatabaseUser): Promise<Prey> {
  const own = ownOf(scene);
  const { admin, names } = own;
  const name = `prey-${count++}`;
  const [app, mightyApp, client, victim] = ['app', 'mighty', 'client', 'victim'].map(
    (role) => `${name}-${role}`,
  ) as [string, string, string, string];
  const [type, openType] = [name, `${name}-open`];
  const evil = scene.origin.replace('//', '//evil.');
  names.answer(new URL(evil).hostname, [upstreamAddress]);
  const policy = await readDocument(admin, 'type', scene.tokenType);
  await putType(admin, type, policy);
  await putType(admin, openType, { ...policy, destinations: [scene.origin, evil] });
  const appKey = await createApp(admin, app);
  await createApp(admin, mightyApp);
  for (const tokenType of [type, openType]) {
    for (const clientId of [client, victim]) {
      const token = `made-up-token-${randomBytes(18).toString('base64url')}`;
      await putToken(admin, { clientId, tokenType, fields: { token } });
      await addGrant(admin, mightyApp, { client: clientId, type: tokenType });
    }
    await addGrant(admin, app, { client, type: tokenType });
  }
  await awaitSeq(scene);
  // By KeyServer: a call would leave a release in SecureProxy's cache.
  await obtain(await startFrom(scene), {
    clientId: client,
    tokenType: type,
    credential: { ...credentialOf(scene), app: appKey },
  });
  return {
    scene,
    own,
    user,
    type,
    openType,
    policy,
    evil,
    app,
    appKey,
    mightyApp,
    client,
    victim,
  };
}

function clear({ user, type }: Prey): void {
  user.execute(
    `DELETE FROM storage WHERE token_type LIKE '${type}%';
     DELETE FROM documents WHERE id LIKE '${type}%' OR id = 'anonymous';
     DELETE FROM changes WHERE id LIKE '${type}%'`,
  );
  // Past every revision that there was.
  user.moveCounter(1000);
}
