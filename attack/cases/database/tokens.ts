import { randomBytes } from 'node:crypto';
import { importKey } from '../../../shared/crypto/aead.ts';
import { sealTokenRow } from '../../../shared/crypto/token-row.ts';
import { flip } from '../../../test/support/tampering.ts';
import type { DatabaseAttack, Prey } from '../../scene/prey.ts';

/** Puts something else in the place of the client's token. */
const replacing = (make: (token: string, prey: Prey) => string): DatabaseAttack => ({
  codes: ['integrity_failed'],
  tamper: (prey) => {
    const { user, client, type } = prey;
    user.setToken(client, type, make(user.token(client, type), prey));
    return {};
  },
});

/** Changes the sealed bytes of a row. */
const bytesOf = (change: (base64: string) => string) =>
  replacing((token) => {
    const [version, kid, sealed = ''] = token.split('.');
    const changed = change(Buffer.from(sealed, 'base64url').toString('base64'));
    return `${version}.${kid}.${Buffer.from(changed, 'base64').toString('base64url')}`;
  });

const shortened = (bytes: number) =>
  bytesOf((base64) => Buffer.from(base64, 'base64').subarray(0, -bytes).toString('base64'));

/** Attacks on rows of tokens. */
export const tokenRowAttacks: Readonly<Record<string, DatabaseAttack>> = {
  "another client's token moved to the client": replacing((_token, { user, victim, type }) =>
    user.token(victim, type),
  ),
  'a token moved to a type that goes elsewhere': {
    codes: ['integrity_failed'],
    tamper: ({ user, client, type, openType, evil }) => {
      user.setToken(client, openType, user.token(client, type));
      return { members: { TokenType: openType, ApiUri: `${evil}/take` } };
    },
  },
  'the tokens of two clients exchanged': {
    codes: ['integrity_failed'],
    tamper: ({ user, client, victim, type }) => {
      const token = user.token(client, type);
      user.setToken(client, type, user.token(victim, type));
      user.setToken(victim, type, token);
      return {};
    },
  },
  "another client's row renamed": {
    codes: ['integrity_failed'],
    tamper: ({ user, client, victim, type }) => {
      user.execute(
        `DELETE FROM storage WHERE client_id = '${client}' AND token_type = '${type}';
         UPDATE storage SET client_id = '${client}' WHERE client_id = '${victim}' AND token_type = '${type}'`,
      );
      return {};
    },
  },
  'the kid of a token changed': replacing((token) => token.replace(/\.[^.]+\./, '.other.')),
  'a kid that objects have': replacing((token) => token.replace(/\.[^.]+\./, '.__proto__.')),
  'the version of a token changed': replacing((token) => token.replace('skt1', 'skt0')),
  'a bit of the iv of a token': bytesOf((base64) => flip(base64, 0)),
  'a bit of a token': bytesOf((base64) => flip(base64, 20)),
  'a bit of the tag of a token': bytesOf((base64) => flip(base64, -1)),
  'the tag of a token cut to 12 bytes': shortened(4),
  'the tag of a token cut to 4 bytes': shortened(12),
  'a token cut in half': replacing((token) => token.slice(0, token.length / 2)),
  'a token sealed by a key of their own': replacing((_token, { own, client, type }) =>
    sealTokenRow(
      own.admin.keyring.primaryKid,
      importKey(randomBytes(32)),
      { clientId: client, tokenType: type },
      '{"fields":{"token":"of-their-own"}}',
    ),
  ),
  "a row of the earlier system in a token's place": replacing(() =>
    randomBytes(48).toString('base64'),
  ),
  "a token in the clear in a token's place": replacing(() => '{"fields":{"token":"clear"}}'),
  'a token deleted': {
    codes: ['token_not_found'],
    tamper: ({ user, client }) => {
      user.execute(`DELETE FROM storage WHERE client_id = '${client}'`);
      return {};
    },
  },
  'a second row beside a token': {
    codes: ['integrity_failed'],
    tamper: ({ user, client, victim, type }) => {
      user.execute(
        `CREATE TABLE keyless AS SELECT * FROM storage;
         ALTER TABLE storage RENAME TO kept;
         ALTER TABLE keyless RENAME TO storage;
         INSERT INTO storage (client_id, token_type, token) VALUES ('${client}', '${type}', '${user.token(victim, type)}')`,
      );
      return {};
    },
    undo: ({ user }) => user.execute('DROP TABLE storage; ALTER TABLE kept RENAME TO storage'),
  },
};
