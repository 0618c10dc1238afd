import { deleteDocument } from '../../../keyserver/operations/documents.ts';
import { addGrant, removeGrant } from '../../../keyserver/operations/grants.ts';
import type { DocumentKind } from '../../../keyserver/store/store.ts';
import { callerKeyHash, type KeyPrefix, makeCallerKey } from '../../../shared/crypto/caller-key.ts';
import type { DatabaseAttack, Prey } from '../../scene/prey.ts';
import { awaitSeq } from '../../scene/seen.ts';

const unauthenticated = ['caller_unauthenticated'] as const;

/** The app is to use a client that is not its own. */
const takeVictim = ({ victim }: Prey) => ({ members: { ClientId: victim } });

const stored = (key: string) => ({
  hash: callerKeyHash(key),
  createdAt: '2026-01-01T00:00:00.000Z',
});

/** Plants a row of a caller that the attackers have the key of, with the MAC of another row. */
function plant(prey: Prey, kind: DocumentKind, id: string, prefix: KeyPrefix): string {
  const { user, mightyApp } = prey;
  const key = makeCallerKey(prefix);
  const row = user.document('app', mightyApp);
  const { grants } = JSON.parse(row.body) as { grants: object };
  const content = kind === 'app' ? { keys: [stored(key)], grants } : { keys: [stored(key)] };
  user.putDocument({ ...row, kind, id, body: JSON.stringify(content) });
  return key;
}

/** The app had a grant for the victim, which was taken away; gives its row of then. */
async function revoke({ scene, own, user, app, victim, type }: Prey) {
  const { id } = await addGrant(own.admin, app, { client: victim, type });
  await awaitSeq(scene);
  const before = user.document('app', app);
  await removeGrant(own.admin, app, id);
  await awaitSeq(scene);
  return before;
}

/** Gives the app a grant in its row. */
function plantGrant({ user, app, victim, type }: Prey): void {
  user.editBody('app', app, (body) => ({ ...body, grants: [{ client: victim, type }] }));
}

/** Attacks on the rows of apps and proxies, and on the list of changes. */
export const callerRowAttacks: Readonly<Record<string, DatabaseAttack>> = {
  "a grant added in an app's row": {
    codes: unauthenticated,
    tamper: (prey) => {
      plantGrant(prey);
      return takeVictim(prey);
    },
  },
  "a mightier app's key replaced by their own": {
    codes: unauthenticated,
    tamper: (prey) => {
      prey.user.editBody('app', prey.mightyApp, (body) => ({
        ...body,
        keys: [stored(prey.appKey)],
      }));
      prey.user.execute(`DELETE FROM documents WHERE id = '${prey.app}'`);
      return takeVictim(prey);
    },
  },
  'an app put in the place of a mightier one': {
    codes: unauthenticated,
    tamper: (prey) => {
      const { user, app, mightyApp } = prey;
      user.putDocument({ ...user.document('app', mightyApp), id: app });
      return takeVictim(prey);
    },
  },
  'an app planted': {
    codes: unauthenticated,
    tamper: (prey) => ({
      ...takeVictim(prey),
      appKey: plant(prey, 'app', `${prey.type}-planted`, 'spk_'),
    }),
  },
  'the app anonymous planted': {
    codes: unauthenticated,
    tamper: (prey) => {
      plant(prey, 'app', 'anonymous', 'spk_');
      return { ...takeVictim(prey), appKey: null };
    },
  },
  "a grant that was taken away put back by the app's older row": {
    codes: unauthenticated,
    tamper: async (prey) => {
      prey.user.putDocument(await revoke(prey));
      return takeVictim(prey);
    },
  },
  'an app put back after it was revoked': {
    codes: unauthenticated,
    tamper: async ({ scene, own, user, app }) => {
      const row = user.document('app', app);
      await deleteDocument(own.admin, 'app', app);
      await awaitSeq(scene);
      user.putDocument(row);
      return {};
    },
  },
  'an app made direct': {
    codes: unauthenticated,
    tamper: ({ user, app, appKey }) => {
      user.editBody('app', app, (body) => ({ ...body, direct: true }));
      return { credential: { proxy: null, app: appKey, target: undefined } };
    },
  },
  'a proxy planted': {
    codes: unauthenticated,
    tamper: (prey) => ({
      credential: {
        proxy: plant(prey, 'proxy', `${prey.type}-planted`, 'spx_'),
        app: prey.appKey,
      },
    }),
  },
  "an app's row as a proxy's": {
    codes: unauthenticated,
    tamper: ({ user, app, appKey }) => {
      user.putDocument({ ...user.document('app', app), kind: 'proxy' });
      return { credential: { proxy: appKey, app: appKey } };
    },
  },
  'the change counter lowered, and an older row of an app put back': {
    codes: unauthenticated,
    movesCounter: true,
    tamper: async (prey) => {
      prey.user.putDocument(await revoke(prey));
      prey.user.moveCounter(-3);
      return takeVictim(prey);
    },
  },
  'a grant added, and the change told as one of a token': {
    codes: ['caller_unauthenticated', 'grant_denied'],
    movesCounter: true,
    tamper: (prey) => {
      plantGrant(prey);
      prey.user.execute(
        `UPDATE change_counter SET seq = seq + 1;
         INSERT INTO changes (seq, kind, id, token_type)
           SELECT seq, 'token', '${prey.victim}', '${prey.type}' FROM change_counter`,
      );
      return takeVictim(prey);
    },
  },
  'an app revoked, and the changes deleted': {
    codes: unauthenticated,
    movesCounter: true,
    tamper: async ({ own, user, app }) => {
      await deleteDocument(own.admin, 'app', app);
      user.execute('DELETE FROM changes');
      return {};
    },
  },
  'an app revoked, and a change planted far ahead': {
    codes: unauthenticated,
    tamper: async ({ own, user, app, type }) => {
      await deleteDocument(own.admin, 'app', app);
      user.execute(
        `INSERT INTO changes (seq, kind, id, token_type)
           SELECT seq + 500, 'unknown', '${app}', '${type}' FROM change_counter`,
      );
      return {};
    },
  },
};
