import { editPolicy, type PolicyPatch } from '../../../operations/changes/edit-policy.ts';
import { doesNotOpen, notFound } from '../../../operations/documents.ts';
import type { AdminCommand } from '../../shell/admin-command.ts';
import type { Session } from '../../shell/session.ts';
import type { ChangeOptions } from '../confirm-change.ts';
import { changeType } from './change.ts';
import { addInjectionOptions, injectionFromOptions } from './injection-options.ts';
import {
  lists,
  listsFromOptions,
  type PolicyOptions,
  valuesFromOptions,
} from './policy-options.ts';

export function addEdit(type: AdminCommand, session: Session): void {
  const edit = type
    .command('edit')
    .summary('change parts of a type')
    .description(
      'Changes what the options name, and leaves the rest of a type as it is. A header, query or basic option replaces the whole injection.',
    )
    .argument('<type>', 'its name');
  for (const [name, of] of Object.values(lists)) {
    edit.option(`--add-${name} <${of}...>`, `as --${name} of type put, besides those that it has`);
    edit.option(`--remove-${name} <${of}...>`, 'one that it has, as type show spells it');
  }
  addInjectionOptions(edit)
    .option('--unsafe-plaintext', 'allow http: tokens cross the network in clear')
    .option('--no-unsafe-plaintext', 'allow https only')
    .option('--ca-file <path>', 'PEM file of the CAs of its destinations, in place of others')
    .option('--no-ca', "trust the proxy's CAs again")
    .option('--cache-seconds <n>', 'how long a proxy may keep a token, 0 to 300')
    .option('--no-cache-seconds', 'as long as by default')
    .option('--scrub', "scrub the token's fields from responses")
    .option('--no-scrub', "do not scrub the token's fields from responses")
    .option('--probe <call>', "the call of token check, 'METHOD URL'")
    .option('--no-probe', 'no call for token check')
    .option(
      '--limit-status <status...>',
      'as of type put; with the next two, in place of what it has',
    )
    .option('--limit-body <status:text...>', 'as of type put')
    .option('--limit-max-seconds <n>', 'as of type put')
    .option('--no-limit-signal', 'none of the three')
    .option('--retry <n>', 'as of type put; with the next one, in place of what it has')
    .option('--retry-method <method...>', 'as of type put')
    .option('--no-retry', 'send nothing again')
    .option(
      '--routed-by-query <name...>',
      'as of type put; with the next two, in place of what it has',
    )
    .option('--routed-by-form <name...>', 'as of type put')
    .option('--routed-by-body', 'as of type put')
    .option('--no-routed-by', 'only methods and paths select the operation')
    .option('--error-body <json>', 'as of type put')
    .option('--no-error-body', 'problem documents, as elsewhere')
    .option('--dry-run', 'show what it would change and take away, and change nothing')
    .option('--yes', 'do it without being asked, whatever it takes away')
    .examples(
      'keyserver-admin type edit wildberries --add-destination https://api-2.example.com',
      'keyserver-admin type edit wildberries --remove-destination https://api.example.com --dry-run',
      "keyserver-admin type edit ozon-seller --header 'Client-Id: {clientId}' --header 'Api-Key: {apiKey}'",
    )
    .action(async (id: string, options: ChangeOptions & PolicyOptions) => {
      const patch = readPatch(options, session.io.folder);
      await session.withContext((context) =>
        changeType(session, context, id, {
          ...options,
          next: (before, isStored) => {
            if (before !== undefined) return editPolicy(id, before, patch);
            throw isStored ? doesNotOpen('type', id) : notFound('type', id);
          },
        }),
      );
    });
}

function readPatch(options: PolicyOptions, folder: string): PolicyPatch {
  const injection = injectionFromOptions(options, undefined);
  return {
    add: listsFromOptions(options, 'add-'),
    remove: listsFromOptions(options, 'remove-'),
    set: { ...(injection && { injection }), ...valuesFromOptions(options, folder) },
  };
}
