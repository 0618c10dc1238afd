import { deleteDocument } from '../../../keyserver/operations/documents.ts';
import { putType } from '../../../keyserver/operations/types.ts';
import type { DocumentRow } from '../../../keyserver/store/store.ts';
import { importKey } from '../../../shared/crypto/aead.ts';
import { documentMac } from '../../../shared/crypto/document-mac.ts';
import type { DatabaseAttack, Prey } from '../../scene/prey.ts';
import { awaitSeq } from '../../scene/seen.ts';

/** The client's token is to go to the attackers. */
const take = ({ evil }: Prey) => ({ members: { ApiUri: `${evil}/take` } });

/** Writes another row in the place of the type's. */
const replacing = (
  make: (row: DocumentRow, prey: Prey) => Partial<DocumentRow>,
): DatabaseAttack => ({
  codes: ['integrity_failed'],
  tamper: (prey) => {
    const row = prey.user.document('type', prey.type);
    prey.user.putDocument({ ...row, ...make(row, prey) });
    return take(prey);
  },
});

/** The type's row with the attackers' host for a destination. */
const edited = ({ body }: DocumentRow, { scene, evil }: Prey) => ({
  body: body.replace(scene.origin, evil),
});

/** The type once allowed the attackers' host, and does so no longer; resolves to its row of then. */
async function narrow({ scene, own, user, type, policy, evil }: Prey): Promise<DocumentRow> {
  await putType(own.admin, type, { ...policy, destinations: [evil] });
  await awaitSeq(scene);
  const before = user.document('type', type);
  await putType(own.admin, type, policy);
  await awaitSeq(scene);
  return before;
}

/** Attacks on the rows of types, which say where tokens go. */
export const typeAttacks: Readonly<Record<string, DatabaseAttack>> = {
  "a type's destination edited": replacing(edited),
  "a type's destination edited, and the MAC made by a key of zeros": replacing((row, prey) => {
    const changed = { ...row, ...edited(row, prey) };
    return { ...changed, mac: documentMac(importKey(Buffer.alloc(32)), changed) };
  }),
  "a type's destination edited, under a kid that nobody knows": replacing((row, prey) => ({
    ...edited(row, prey),
    kid: 'other',
  })),
  "a type's destination edited, under a kid that objects have": replacing((row, prey) => ({
    ...edited(row, prey),
    kid: '__proto__',
  })),
  "a type's destination edited, without a MAC": replacing((row, prey) => ({
    ...edited(row, prey),
    mac: '',
  })),
  "a type's scrubbing turned off": {
    codes: ['integrity_failed'],
    tamper: ({ user, type }) => {
      user.editBody('type', type, (policy) => ({ ...policy, scrub: false }));
      return {};
    },
  },
  'body and MAC of another type': replacing((_row, { user, openType }) => {
    const { body, mac } = user.document('type', openType);
    return { body, mac };
  }),
  'body, MAC and revision of another type': replacing((_row, { user, type, openType }) => ({
    ...user.document('type', openType),
    id: type,
  })),
  "an app's row as a type": replacing((row, { user, app }) => ({
    ...user.document('app', app),
    kind: row.kind,
    id: row.id,
  })),
  'an older row of a type put back': {
    codes: ['integrity_failed'],
    tamper: async (prey) => {
      prey.user.putDocument(await narrow(prey));
      return take(prey);
    },
  },
  'an older body of a type under the newest revision': {
    codes: ['integrity_failed'],
    tamper: async (prey) => {
      const { body, mac } = await narrow(prey);
      prey.user.putDocument({ ...prey.user.document('type', prey.type), body, mac });
      return take(prey);
    },
  },
  'an older row of a type under a higher revision': {
    codes: ['integrity_failed'],
    tamper: async (prey) => {
      const before = await narrow(prey);
      prey.user.putDocument({ ...before, revision: before.revision + 500 });
      return take(prey);
    },
  },
  'a deleted type put back': {
    codes: ['integrity_failed'],
    tamper: async (prey) => {
      const { user, own, scene, type } = prey;
      const row = user.document('type', type);
      await deleteDocument(own.admin, 'type', type);
      await awaitSeq(scene);
      user.putDocument(row);
      return {};
    },
  },
  'a type deleted': {
    codes: ['type_not_found'],
    tamper: (prey) => {
      prey.user.execute(`DELETE FROM documents WHERE id = '${prey.type}'`);
      return take(prey);
    },
  },
};
