import type { Action, NewGrant, Suggestion, TokenName } from '../../operations/suggestion.ts';
import type { DocumentName } from '../../store/store.ts';

/** A suggestion in the words of the command line; a command in it can be run as printed. */
export function inShell(suggestion: Suggestion): string {
  if (typeof suggestion === 'string') return suggestion;
  const words = wordsFor[suggestion.do];
  return typeof words === 'string' ? words : (words as (action: Action) => string)(suggestion);
}

type ActionOf<Do extends Action['do']> = Extract<Action, { do: Do }>;

const wordsFor: Readonly<{
  [Do in Action['do']]: string | ((action: ActionOf<Do>) => string);
}> = {
  apply_migrations: 'run keyserver-admin migrate',
  confirm: 'nothing was changed; add --yes, or run it on a terminal',
  drop_documents: 'back the database up, then add --force',
  list: ({ kind }) => `see keyserver-admin ${kind} list`,
  list_grants: ({ app }) => `see the ids of its grants: keyserver-admin grant list ${quoted(app)}`,
  create_proxy: 'create one: keyserver-admin proxy create',
  limit_proxy: ({ id }) =>
    `if it may, repeat keyserver-admin proxy limit ${quoted(id)} with all that keyserver-admin proxy list shows and the new pattern`,
  create_or_revoke_app: ({ id }) =>
    `keyserver-admin app create ${id} creates it, app revoke ${id} deletes it`,
  rotate: ({ kind, id }) => `give it a new key: keyserver-admin ${kind} rotate ${quoted(id)}`,
  undo_revoked: ({ kind, id }) =>
    `keyserver-admin ${kind} undo ${quoted(id)} brings it back without a key; then rotate it, or create it anew`,
  rotate_or_revoke: ({ kind }) => `${kind} rotate gives it a new key, ${kind} revoke deletes it`,
  end_overlap: ({ kind, id }) =>
    `end it once nobody uses it: keyserver-admin ${kind} end-overlap ${quoted(id)}`,
  list_changes: ({ kind, id }) => `see keyserver-admin ${kind} history ${quoted(id)}`,
  undo_earlier: (action) =>
    `nothing was changed; to take back the change before${action.creates ? `, which created the ${action.kind}` : ''}: ${undoChange(action, action.change)}`,
  undo_again: undoAgain,
  list_keys:
    'give all KeyServers the same key files, start those that are down, and try again; keyserver-admin keys list shows who has loaded what',
  complete_pins: ({ proxy }) =>
    `add the key's id to its PUBLIC_KEY_PINS, and restart it; if no machine of yours runs it with such pins, its key was stolen: keyserver-admin proxy revoke ${quoted(proxy)}`,
  make_key: 'name one of them, or make one: keyserver-admin keys new',
  rewrap: 'seal them with the primary key first: keyserver-admin rewrap',
  count_replicas: 'count them yourself, since one that is silent would not be missed: --replicas 2',
  restore,
  show_type: ({ type }) => `see what the type injects: keyserver-admin type show ${quoted(type)}`,
  give_fields: ({ fields, type }) =>
    `the secret is ${secretForm(fields)}; see where it goes: keyserver-admin type show ${quoted(type)}`,
  define_type: ({ type, origin }) =>
    `define it: keyserver-admin type put ${quoted(type)} --destination ${origin === undefined ? 'https://…' : quoted(origin)}`,
  replace_type: ({ type }) =>
    `restore its row, or replace it: keyserver-admin type put ${quoted(type)} --force`,
  see_policy_examples:
    'keyserver-admin type put --help has examples, and the options for members such as unsafePlaintext: --unsafe-plaintext',
  allow_addresses: ({ blocks }) =>
    `if your own service is there, allow it: ${blocks.map((block) => `--unsafe-allow-private ${block}`).join(' ')} of type put, --add-unsafe-allow-private of type edit`,
  define_probe: ({ type }) =>
    `define one: keyserver-admin type edit ${quoted(type)} --probe 'GET https://…'`,
  grant_probe: (action) =>
    `grant the app the call that keyserver-admin type show ${quoted(action.type)} has as its probe: keyserver-admin grant add APP ${tokenOptions(action)}`,
  list_presets: 'see keyserver-admin preset list',
  accept_renewal:
    'if something else renews the access token and stores it with token put, add --renewed-elsewhere',
  give_injection:
    "if a header, a query parameter or a basic credential alone will do, give it: --header 'Name: {field}', --query or --basic",
  give_destination: ({ origin }) => `name it: --destination ${origin}`,
  see_fleet_format:
    'keyserver-admin export prints such a file, and docs/fleet.md describes it; quote texts that begin with {, *, & or a digit',
  allow_destination: allowDestination,
  add_grant: (action) =>
    `grant it: ${grantAdd(action)}${action.path === undefined ? '' : ` --path ${quoted(action.path)}`}`,
  grant_every_path: (action) =>
    `no --path matches a path that can be read in two ways: let the app spell it plainly, or grant every path: ${grantAdd(action)}`,
  check_legacy_rows: 'see keyserver-admin legacy check',
  restore_elsewhere:
    "nothing was changed: restore into an empty database, or add --merge to put the backup's rows over those stored",
  provide_secret: 'pipe it in, or name its file with --file',
  put_token: (action) => `store it: ${tokenPut(action)} < token.txt`,
  refill_token: refill,
  undo_or_refill: undoOrRefill,
  inspect_token: (action) =>
    `see keyserver-admin token show ${tokenOptions(action)}; a row of the earlier system opens only with UNSAFE_LEGACY_ROWS=1; otherwise delete the token and store it again: ${tokenPut(action)}`,
};

function restore({ kind, id }: ActionOf<'restore'>): string {
  const remedy =
    kind === 'type'
      ? `replace it: keyserver-admin type put ${quoted(id)} --force`
      : `revoke it and create it again: keyserver-admin ${kind} revoke ${quoted(id)}`;
  return `check that KEYRING_DIR has every key that was ever used, and restore the row; or ${remedy}`;
}

function undoAgain(action: ActionOf<'undo_again'>): string {
  const { change, further } = action;
  const back = further === undefined ? '' : `; to go further back: ${undoChange(action, further)}`;
  return `nothing was changed; to put back what was undone: ${undoChange(action, change)}${back}`;
}

function undoOrRefill(action: ActionOf<'undo_or_refill'>): string {
  const { type, change } = action;
  const undo = undoChange({ kind: 'type', id: type }, change);
  return `the token filled the type before change ${change}; if that was a mistake, take it back: ${undo}; if not, ${refill(action)}`;
}

function refill(token: TokenName): string {
  return `store the token again with the fields that keyserver-admin type show ${quoted(token.type)} names: ${tokenPut(token)} < token.json`;
}

function undoChange({ kind, id }: DocumentName, change: number): string {
  return `keyserver-admin ${kind} undo ${quoted(id)} --change ${change}`;
}

function allowDestination({ type, origin }: ActionOf<'allow_destination'>): string {
  const edit = `keyserver-admin type edit ${quoted(type)} --add-destination ${quoted(origin)}`;
  return origin.startsWith('http:')
    ? `let the app call https; if the token may go there in clear: ${edit} --unsafe-plaintext`
    : `if the token may go there: ${edit}`;
}

function grantAdd(grant: NewGrant): string {
  const method = grant.method === undefined ? '' : ` --method ${grant.method}`;
  return `keyserver-admin grant add ${quoted(grant.app)} ${tokenOptions(grant)}${method}`;
}

function tokenPut(token: TokenName): string {
  return `keyserver-admin token put ${tokenOptions(token)}`;
}

function tokenOptions({ client, type }: TokenName): string {
  return `--client ${quoted(client)} --type ${quoted(type)}`;
}

/** One word of a POSIX shell. */
function quoted(word: string): string {
  return /^[\w./:@%+=,-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

function secretForm(fields: readonly string[]): string {
  const form = `a JSON object: ${JSON.stringify(Object.fromEntries(fields.map((name) => [name, '…'])))}`;
  return fields.length === 1 && fields[0] === 'token' ? `the token alone, or ${form}` : form;
}
