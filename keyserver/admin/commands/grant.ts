import { isUnlimited, matchesPattern } from '../../../shared/policy/grant.ts';
import { grantId } from '../../../shared/policy/grant-id.ts';
import type { Grant } from '../../../shared/policy/schema.ts';
import type { OperationContext } from '../../operations/context.ts';
import { checkAllOpen, listDocuments, readDocument } from '../../operations/documents.ts';
import { addGrant, type GrantRequest, grantOf, routedFault } from '../../operations/grants.ts';
import { whetherMeant } from '../../operations/names-alike.ts';
import type { AdminCommand } from '../shell/admin-command.ts';
import type { Session } from '../shell/session.ts';
import { changeConfirmed } from './confirm-change.ts';
import { addUnverified, verificationOf } from './unverified.ts';

export function defineGrant(grant: AdminCommand, session: Session): void {
  grant.examples(
    "keyserver-admin grant add reports --client 'shop-*' --type wildberries --method GET",
  );
  addAdd(grant, session);
  addList(grant, session);
  addRemove(grant, session);
}

function addAdd(grant: AdminCommand, session: Session): void {
  grant
    .command('add')
    .summary('let an app use tokens')
    .description(
      `Lets an app use the tokens of clients and types for methods and paths; without --method or --path,
for all of them. A pattern is an exact name, or a prefix with * at its end.`,
    )
    .argument('<app>', 'whose right')
    .requiredOption('--client <pattern>', 'clients whose tokens')
    .requiredOption('--type <pattern>', 'types of tokens')
    .repeatable('--method <method>', 'an allowed method')
    .repeatable('--path <pattern>', 'an allowed path, such as /v1/orders/*')
    .examples(
      "keyserver-admin grant add reports --client 'shop-*' --type wildberries --method GET",
      "keyserver-admin grant add stocks --client shop-1 --type ozon-seller --method POST --path '/v2/products/stocks' --path '/v3/orders/*'",
      "keyserver-admin grant add sync --client '*' --type '*'",
    )
    .operation(session, async (context, app: string, options: OptionsOfAdd) => {
      const { client, type, method: methods, path: paths } = options;
      const request = { client, type, methods, paths };
      const { id, grant: given, added, direct } = await addGrant(context, app, request);
      const warnings = await grantWarnings(context, given, direct);
      session.out.result(
        { app, id, added, grant: given, warnings },
        added ? `granted ${id} to ${app}` : `${app} has this grant already: ${id}`,
      );
      for (const warning of warnings) session.out.note(`note: ${warning}`);
    });
}

interface OptionsOfAdd extends Pick<GrantRequest, 'client' | 'type'> {
  readonly method?: readonly string[];
  readonly path?: readonly string[];
}

function noType(type: string, types: readonly { readonly id: string }[]): string {
  const ids = types.map(({ id }) => id);
  return `no type matches ${JSON.stringify(type)} yet${whetherMeant(type, ids)}`;
}

async function grantWarnings(
  context: OperationContext,
  grant: Grant,
  direct: boolean,
): Promise<string[]> {
  const { type } = grant;
  const warnings: string[] = [];
  const types = await listDocuments(context, 'type');
  const matching = types.filter(({ id }) => matchesPattern(type, id));
  if (matching.length === 0) warnings.push(noType(type, types));
  warnings.push(...matching.flatMap(({ id, content }) => routedFault(grant, id, content) ?? []));
  if (direct && !isUnlimited(grant)) {
    warnings.push('a direct app receives tokens only by a grant without methods and paths');
  }
  return warnings;
}

function addList(grant: AdminCommand, session: Session): void {
  addUnverified(grant.command('list'))
    .description('Lists grants with their ids, of one app or of all apps.')
    .argument('[app]', 'only of this app')
    .examples('keyserver-admin grant list', 'keyserver-admin grant list reports')
    .reading(session, async (context, app: string | undefined) => {
      const { members, heading, cell } = verificationOf(context);
      const apps =
        app === undefined
          ? await listDocuments(context, 'app')
          : [{ id: app, content: await readDocument(context, 'app', app) }];
      const grants = apps.flatMap(({ id, content }) =>
        (content?.grants ?? []).map((grant) => ({
          ...{ app: id, id: grantId(grant) },
          ...members,
          ...grant,
        })),
      );
      session.out.list(grants, {
        headings: ['app', 'id', 'client', 'type', 'methods', 'paths', ...heading],
        cells: ({ app: of, id, client, type, methods, paths }) => [
          of,
          id,
          client,
          type,
          methods?.join(' ') ?? 'all',
          paths?.join(' ') ?? 'all',
          ...cell,
        ],
        empty: 'no grants',
      });
      checkAllOpen('app', apps);
    });
}

function addRemove(grant: AdminCommand, session: Session): void {
  grant
    .command('remove')
    .description('Removes a grant; the calls that it allowed stop within two seconds.')
    .argument('<app>', 'whose right')
    .argument('<grant-id>', 'as shown by grant list')
    .option('--yes', 'do it without being asked, whatever it takes away')
    .examples('keyserver-admin grant remove reports x7Pq-2Lw')
    .operation(session, async (context, app: string, id: string, { yes }: { yes?: boolean }) => {
      const doing = `removing the grant ${id} of ${app} takes away`;
      let removed: Grant | undefined;
      await changeConfirmed(session, context, {
        ...{ doing, yes },
        draft: (stored) =>
          stored.change('app', app, (before) => {
            const found = grantOf(app, before, id);
            removed = found;
            return { ...before, grants: before.grants.filter((grant) => grant !== found) };
          }),
      });
      session.out.result({ app, id, removed }, `removed the grant ${id} of ${app}`);
    });
}
