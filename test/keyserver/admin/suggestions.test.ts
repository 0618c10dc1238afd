import t from 'tap';
import { inShell } from '../../../keyserver/admin/shell/suggestions.ts';
import type { Action } from '../../../keyserver/operations/suggestion.ts';
import { Installation } from './installation.ts';

const token = { client: "o'neill", type: 'a type' };
const grant = { ...token, app: 'two words', method: 'GET' };

/** One action of each kind. */
const actions: { readonly [Do in Action['do']]: Extract<Action, { do: Do }> } = {
  apply_migrations: { do: 'apply_migrations' },
  confirm: { do: 'confirm' },
  drop_documents: { do: 'drop_documents' },
  list: { do: 'list', kind: 'token' },
  list_grants: { do: 'list_grants', app: 'two words' },
  create_proxy: { do: 'create_proxy' },
  limit_proxy: { do: 'limit_proxy', id: 'two words' },
  create_or_revoke_app: { do: 'create_or_revoke_app', id: 'anonymous' },
  rotate: { do: 'rotate', kind: 'proxy', id: 'two words' },
  undo_revoked: { do: 'undo_revoked', kind: 'app', id: 'reports' },
  rotate_or_revoke: { do: 'rotate_or_revoke', kind: 'app' },
  end_overlap: { do: 'end_overlap', kind: 'app', id: 'two words' },
  list_changes: { do: 'list_changes', kind: 'type', id: 'a type' },
  undo_earlier: { do: 'undo_earlier', kind: 'app', id: 'two words', change: 3, creates: true },
  undo_again: { do: 'undo_again', kind: 'type', id: 'a type', change: 3, further: 1 },
  list_keys: { do: 'list_keys' },
  complete_pins: { do: 'complete_pins', proxy: 'two words' },
  make_key: { do: 'make_key' },
  rewrap: { do: 'rewrap' },
  count_replicas: { do: 'count_replicas' },
  restore: { do: 'restore', kind: 'app', id: 'two words' },
  show_type: { do: 'show_type', type: 'a type' },
  give_fields: { do: 'give_fields', type: 'a type', fields: ['apiKey'] },
  define_type: { do: 'define_type', type: 'a type' },
  replace_type: { do: 'replace_type', type: 'a type' },
  see_policy_examples: { do: 'see_policy_examples' },
  allow_addresses: { do: 'allow_addresses', blocks: ['127.0.0.1/32'] },
  define_probe: { do: 'define_probe', type: 'a type' },
  grant_probe: { do: 'grant_probe', ...token },
  list_presets: { do: 'list_presets' },
  accept_renewal: { do: 'accept_renewal' },
  give_injection: { do: 'give_injection' },
  give_destination: { do: 'give_destination', origin: 'https://NAME.example.com' },
  see_fleet_format: { do: 'see_fleet_format' },
  allow_destination: { do: 'allow_destination', type: 'a type', origin: 'http://erp.example' },
  add_grant: { do: 'add_grant', ...grant, path: '/a b' },
  grant_every_path: { do: 'grant_every_path', ...grant },
  check_legacy_rows: { do: 'check_legacy_rows' },
  restore_elsewhere: { do: 'restore_elsewhere' },
  provide_secret: { do: 'provide_secret' },
  put_token: { do: 'put_token', ...token },
  refill_token: { do: 'refill_token', ...token },
  undo_or_refill: { do: 'undo_or_refill', ...token, change: 3 },
  inspect_token: { do: 'inspect_token', ...token },
};

t.test('spells every action with commands and options that exist', async (t) => {
  const admin = new Installation(t);
  for (const action of Object.values(actions)) {
    const text = inShell(action);
    t.ok(text.length > 0, action.do);
    let help = '';
    for (const piece of text.split('keyserver-admin ').slice(1)) {
      const [noun = '', verb = ''] = piece.split(/[^\w-]+/);
      const argv = ['migrate', 'export', 'rewrap'].includes(noun) ? [noun] : [noun, verb];
      const { code, stdout } = await admin.run([...argv, '--help']);
      t.equal(code, 0, piece);
      t.match(stdout, `Usage: keyserver-admin ${argv.join(' ')}`, piece);
      help += stdout;
    }
    if (help === '') continue;
    for (const option of text.match(/--[a-z-]+/g) ?? []) t.match(help, option, text);
  }
});

t.test('quotes names for a shell', async (t) => {
  t.equal(
    inShell(actions.put_token),
    String.raw`store it: keyserver-admin token put --client 'o'\''neill' --type 'a type' < token.txt`,
  );
  t.match(inShell(actions.add_grant), /keyserver-admin grant add 'two words' .* --path '\/a b'$/);
  t.match(inShell(actions.rotate), /keyserver-admin proxy rotate 'two words'$/);
});

t.test('prints a plain suggestion as it is', async (t) => {
  t.equal(inShell('nothing was changed'), 'nothing was changed');
});
