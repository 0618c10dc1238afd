import type { Action, NewGrant, Suggestion, TokenName } from '../../operations/suggestion.ts';
import type { DocumentName } from '../../store/store.ts';

/** A suggestion in the words of the command line; a command in it can be run as printed. */
export function inShell(suggestion: Suggestion): string {
  return typeof suggestion === 'string' ? suggestion : commandFor(suggestion);
}

function commandFor(action: Action): string {
  switch (action.do) {
    case 'apply_migrations':
      return 'run keyserver-admin migrate';
    case 'confirm':
      return 'nothing was changed; add --yes, or run it on a terminal';
    case 'drop_documents':
      return 'back the database up, then add --force';
    case 'list':
      return `see keyserver-admin ${action.kind} list`;
    case 'list_grants':
      return `see the ids of its grants: keyserver-admin grant list ${quoted(action.app)}`;
    case 'create_proxy':
      return 'create one: keyserver-admin proxy create';
    case 'limit_proxy':
      return `if it may, repeat keyserver-admin proxy limit ${quoted(action.id)} with all that keyserver-admin proxy list shows and the new pattern`;
    case 'create_or_revoke_app':
      return `keyserver-admin app create ${action.id} creates it, app revoke ${action.id} deletes it`;
    case 'rotate':
      return `give it a new key: keyserver-admin ${action.kind} rotate ${quoted(action.id)}`;
    case 'undo_revoked':
      return `keyserver-admin ${action.kind} undo ${quoted(action.id)} brings it back without a key; then rotate it, or create it anew`;
    case 'rotate_or_revoke':
      return `${action.kind} rotate gives it a new key, ${action.kind} revoke deletes it`;
    case 'end_overlap':
      return `end it once nobody uses it: keyserver-admin ${action.kind} end-overlap ${quoted(action.id)}`;
    case 'list_changes':
      return `see keyserver-admin ${action.kind} history ${quoted(action.id)}`;
    case 'undo_earlier':
      return `nothing was changed; to take back the change before${action.creates ? `, which created the ${action.kind}` : ''}: ${undoChange(action, action.change)}`;
    case 'undo_again':
      return undoAgain(action);
    case 'list_keys':
      return 'give all KeyServers the same key files, start those that are down, and try again; keyserver-admin keys list shows who has loaded what';
    case 'complete_pins':
      return `add the key's id to its PUBLIC_KEY_PINS, and restart it; if no machine of yours runs it with such pins, its key was stolen: keyserver-admin proxy revoke ${quoted(action.proxy)}`;
    case 'make_key':
      return 'name one of them, or make one: keyserver-admin keys new';
    case 'rewrap':
      return 'seal them with the primary key first: keyserver-admin rewrap';
    case 'count_replicas':
      return 'count them yourself, since one that is silent would not be missed: --replicas 2';
    case 'restore':
      return restore(action);
    case 'show_type':
      return `see what the type injects: keyserver-admin type show ${quoted(action.type)}`;
    case 'give_fields':
      return `the secret is ${secretForm(action.fields)}; see where it goes: keyserver-admin type show ${quoted(action.type)}`;
    case 'define_type':
      return `define it: keyserver-admin type put ${quoted(action.type)} --destination ${action.origin === undefined ? 'https://…' : quoted(action.origin)}`;
    case 'replace_type':
      return `restore its row, or replace it: keyserver-admin type put ${quoted(action.type)} --force`;
    case 'see_policy_examples':
      return 'keyserver-admin type put --help has examples, and the options for members such as unsafePlaintext: --unsafe-plaintext';
    case 'allow_addresses':
      return `if your own service is there, allow it: ${action.blocks.map((block) => `--unsafe-allow-private ${block}`).join(' ')} of type put, --add-unsafe-allow-private of type edit`;
    case 'define_probe':
      return `define one: keyserver-admin type edit ${quoted(action.type)} --probe 'GET https://…'`;
    case 'grant_probe':
      return `grant the app the call that keyserver-admin type show ${quoted(action.type)} has as its probe: keyserver-admin grant add APP ${tokenOptions(action)}`;
    case 'list_presets':
      return 'see keyserver-admin preset list';
    case 'accept_renewal':
      return 'if something else renews the access token and stores it with token put, add --renewed-elsewhere';
    case 'give_injection':
      return "if a header, a query parameter or a basic credential alone will do, give it: --header 'Name: {field}', --query or --basic";
    case 'give_destination':
      return `name it: --destination ${action.origin}`;
    case 'see_fleet_format':
      return 'keyserver-admin export prints such a file, and docs/fleet.md describes it; quote texts that begin with {, *, & or a digit';
    case 'allow_destination':
      return allowDestination(action);
    case 'add_grant':
      return `grant it: ${grantAdd(action)}${action.path === undefined ? '' : ` --path ${quoted(action.path)}`}`;
    case 'grant_every_path':
      return `no --path matches a path that can be read in two ways: let the app spell it plainly, or grant every path: ${grantAdd(action)}`;
    case 'check_legacy_rows':
      return 'see keyserver-admin legacy check';
    case 'restore_elsewhere':
      return "nothing was changed: restore into an empty database, or add --merge to put the backup's rows over those stored";
    case 'provide_secret':
      return 'pipe it in, or name its file with --file';
    case 'put_token':
      return `store it: ${tokenPut(action)} < token.txt`;
    case 'refill_token':
      return refill(action);
    case 'undo_or_refill':
      return undoOrRefill(action);
    case 'inspect_token':
      return `see keyserver-admin token show ${tokenOptions(action)}; a row of the earlier system opens only with UNSAFE_LEGACY_ROWS=1; otherwise delete the token and store it again: ${tokenPut(action)}`;
  }
}

function restore({ kind, id }: Extract<Action, { do: 'restore' }>): string {
  const remedy =
    kind === 'type'
      ? `replace it: keyserver-admin type put ${quoted(id)} --force`
      : `revoke it and create it again: keyserver-admin ${kind} revoke ${quoted(id)}`;
  return `check that KEYRING_DIR has every key that was ever used, and restore the row; or ${remedy}`;
}

function undoAgain(action: Extract<Action, { do: 'undo_again' }>): string {
  const { change, further } = action;
  const back = further === undefined ? '' : `; to go further back: ${undoChange(action, further)}`;
  return `nothing was changed; to put back what was undone: ${undoChange(action, change)}${back}`;
}

function undoOrRefill(action: Extract<Action, { do: 'undo_or_refill' }>): string {
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

function allowDestination({ type, origin }: Extract<Action, { do: 'allow_destination' }>): string {
  const plaintext = origin.startsWith('http:') ? ' --unsafe-plaintext' : '';
  return `if the token may go there: keyserver-admin type edit ${quoted(type)} --add-destination ${quoted(origin)}${plaintext}`;
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
