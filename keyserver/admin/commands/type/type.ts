import type { Command } from 'commander';
import { describeInjection } from '../../../../shared/policy/injection/injection.ts';
import type { Policy } from '../../../../shared/policy/schema.ts';
import { consequencesOf } from '../../../operations/changes/consequences.ts';
import { describeCa } from '../../../operations/changes/describe-ca.ts';
import { StoredDocuments } from '../../../operations/changes/drafts.ts';
import {
  checkAllOpen,
  deleteDocument,
  listDocuments,
  readDocument,
} from '../../../operations/documents.ts';
import { listTokens } from '../../../operations/tokens.ts';
import { type PolicyChange, putType } from '../../../operations/types.ts';
import { confirm } from '../../shell/confirmation.ts';
import type { Session } from '../../shell/session.ts';
import { record, table } from '../../shell/table.ts';
import { collect, examples } from '../examples.ts';
import { addInjectionOptions, defaultInjectionNote } from './injection-options.ts';
import { type PolicyOptions, policyFromOptions } from './policy-options.ts';

export function addTypeCommands(program: Command, session: Session): void {
  const type = program
    .command('type')
    .description('token types: where tokens may go and how they are put on a request')
    .addHelpText(
      ...examples(
        "keyserver-admin type put wildberries --destination https://api.example.com --header 'Authorization: {token}'",
        'keyserver-admin type show wildberries',
      ),
    );
  addPut(type, session);
  addList(type, session);
  addShow(type, session);
  addDelete(type, session);
}

function addPut(type: Command, session: Session): void {
  const put = type
    .command('put')
    .summary('define or replace a type')
    .description(
      `Defines a token type, or replaces it completely. {field} in a template stands for a field of the secret.
${defaultInjectionNote}`,
    )
    .argument('<type>', 'its name')
    .requiredOption(
      '--destination <origin...>',
      'where tokens may go: https://host[:port][/prefix], or https://*.host',
    );
  addInjectionOptions(put)
    .option('--unsafe-plaintext', 'allow http: tokens cross the network in clear')
    .option(
      '--unsafe-allow-private <cidr>',
      'allow destinations at these private addresses; repeatable',
      collect,
    )
    .option(
      '--ca-file <path>',
      'PEM file of the CAs of its destinations: no other CA is trusted for them',
    )
    .option('--cache-seconds <n>', 'how long a proxy may keep a token, 0 to 300 (default 60)')
    .option('--no-scrub', "do not scrub the token's fields from responses")
    .option(
      '--public-field <field>',
      'a field that is not secret: responses may contain it; repeatable',
      collect,
    )
    .option(
      '--redact-member <name>',
      'a member of JSON responses whose value is redacted, such as access_token; repeatable',
      collect,
    )
    .option('--force', 'replace a type that does not open')
    .addHelpText(
      ...examples(
        "keyserver-admin type put wildberries --destination https://api.example.com --header 'Authorization: {token}'",
        "keyserver-admin type put ozon-seller --destination https://api-seller.example.com --header 'Client-Id: {clientId}' --header 'Api-Key: {apiKey}' --public-field clientId",
        "keyserver-admin type put maps --destination 'https://*.maps.example.com/v2' --query 'key={token}' --cache-seconds 10",
        'keyserver-admin type put sandbox --destination https://sandbox.example.com --ca-file sandbox-ca.pem',
        "keyserver-admin type put erp --destination http://erp.example.com:8080 --basic '{user}:{password}' --unsafe-plaintext --unsafe-allow-private 10.1.0.0/16",
      ),
    )
    .action(async (id: string, options: PolicyOptions & { force?: boolean }) => {
      const policy = policyFromOptions(options, session.io.folder);
      await session.withContext(async (context) => {
        const { outcome, changes } = await putType(context, id, policy, options);
        session.out.result(
          { id, outcome, changes, policy },
          [`${outcome} ${id}`, ...changes.map(describeChange)].join('\n'),
        );
        if (changes.some(({ member }) => member === 'injection')) {
          session.out.note(
            'the injection changed: run keyserver-admin doctor to check that stored tokens fill it',
          );
        }
      });
    });
}

function describeChange({ member, from, to }: PolicyChange): string {
  const text = (value: unknown) =>
    member === 'ca' && value !== undefined
      ? describeCa(value as string)
      : (JSON.stringify(value) ?? 'not set');
  return `  ${member}: ${text(from)} -> ${text(to)}`;
}

function addList(type: Command, session: Session): void {
  type
    .command('list')
    .description('Lists the token types.')
    .addHelpText(...examples('keyserver-admin type list'))
    .action(async () => {
      await session.withContext(async (context) => {
        const types = await listDocuments(context, 'type');
        session.out.result(
          types.map(({ id, content }) => ({
            id,
            opens: content !== undefined,
            policy: content ?? null,
          })),
          table(
            ['type', 'destinations', 'injects', 'ca'],
            types.map(({ id, content }) =>
              content
                ? [
                    id,
                    content.destinations.join(', '),
                    describeInjection(content.injection),
                    content.ca ? describeCa(content.ca) : 'default',
                  ]
                : [id, 'does not open', '', ''],
            ),
            'no types',
          ),
        );
        checkAllOpen('type', types);
      });
    });
}

function addShow(type: Command, session: Session): void {
  type
    .command('show')
    .description('Shows a token type.')
    .argument('<type>', 'its name')
    .addHelpText(...examples('keyserver-admin type show wildberries'))
    .action(async (id: string) => {
      await session.withContext(async (context) => {
        const policy = await readDocument(context, 'type', id);
        session.out.result({ id, policy }, record({ type: id, ...describePolicy(policy) }));
      });
    });
}

function describePolicy(policy: Policy): Record<string, string> {
  return {
    destinations: policy.destinations.join(', '),
    injects: describeInjection(policy.injection),
    ca: policy.ca ? describeCa(policy.ca) : 'default',
    'cache seconds': String(policy.cacheSeconds ?? 'default'),
    scrubbing: policy.scrub === false ? 'off' : 'on',
    ...(policy.publicFields && { 'public fields': policy.publicFields.join(', ') }),
    ...(policy.redactMembers && { 'redacted members': policy.redactMembers.join(', ') }),
    ...(policy.unsafePlaintext && { 'unsafe plaintext': 'allowed' }),
    ...(policy.unsafeAllowPrivate && {
      'unsafe private': policy.unsafeAllowPrivate.join(', '),
    }),
  };
}

function addDelete(type: Command, session: Session): void {
  type
    .command('delete')
    .description('Deletes a token type. Its tokens stay stored, and are not released.')
    .argument('<type>', 'its name')
    .option('--yes', 'do it without being asked')
    .addHelpText(...examples('keyserver-admin type delete wildberries --yes'))
    .action(async (id: string, { yes }: { yes?: boolean }) => {
      await session.withContext(async (context) => {
        const stored = await StoredDocuments.read(context);
        const draft = stored.deletion('type', id);
        const consequences = await consequencesOf(context, stored, [draft]);
        await confirm(session, { doing: `deleting the type ${id}`, consequences, yes });
        const { length: tokensLeft } = await listTokens(context, { type: id });
        await deleteDocument(context, 'type', id);
        session.out.result({ id, deleted: true, tokensLeft, consequences }, `deleted ${id}`);
      });
    });
}
