import type { Binding } from '../../../../shared/protocol/messages.ts';
import { createAnonymousApp, createApp } from '../../../operations/callers.ts';
import { describeBinding, parseBinding } from '../../../operations/changes/binding.ts';
import type { OperationContext } from '../../../operations/context.ts';
import { alikeWarnings, checkAllOpen, listDocuments } from '../../../operations/documents.ts';
import { listCallers } from '../../../operations/keys/caller-keys.ts';
import { inputInvalid } from '../../../operations/operation-error.ts';
import { anonymousApp } from '../../../release/callers.ts';
import type { AdminCommand } from '../../shell/admin-command.ts';
import { addOut, type OutOption, writeNewKey } from '../../shell/key-output.ts';
import type { Session } from '../../shell/session.ts';
import { inShell } from '../../shell/suggestions.ts';
import { addUndo } from '../undo.ts';
import { addUnverified, verificationOf } from '../unverified.ts';
import { addEndOverlap, addShow } from './caller-keys.ts';
import { addRevoke, addRotate } from './end-keys.ts';
import { addKeyFilter, describeKeys, type KeyFilter, shownKeys } from './shown-keys.ts';

export function defineApp(app: AdminCommand, session: Session): void {
  app.examples('keyserver-admin app create reports --out reports.key');
  addCreateApp(app, session);
  addListApps(app, session);
  addRotate(app, session, 'app');
  addShow(app, session, 'app');
  addEndOverlap(app, session, 'app');
  addRevoke(app, session, 'app');
  addUndo(app, session, 'app');
}

function addCreateApp(app: AdminCommand, session: Session): void {
  addOut(app.command('create'))
    .summary('create an app and print its key, once')
    .description(
      `Creates an app without grants and prints its key, which cannot be shown again.
The app ${anonymousApp} stands for calls without a key, and has none.`,
    )
    .argument('<id>', 'its name')
    .option('--direct', 'it may ask KeyServer itself, and so receives tokens')
    .option('--bind <client/type>', 'every path of SecureProxy leads there with its key')
    .examples(
      'keyserver-admin app create reports',
      'keyserver-admin app create sdk --bind shop-1/ozon-seller --out sdk.key',
      'keyserver-admin app create sync --direct --out sync.key',
    )
    .action(async (id: string, { direct = false, bind, out }: OptionsOfCreate) => {
      if (id === anonymousApp && (out ?? bind) !== undefined) {
        throw inputInvalid(
          `the app ${anonymousApp} has no key`,
          `leave ${out === undefined ? '--bind' : '--out'} away`,
        );
      }
      const bound = bind === undefined ? undefined : parseBinding(bind);
      await session.withContext(async (context) => {
        if (id === anonymousApp) {
          await createAnonymousApp(context, { direct });
          session.out.result({ id, direct, key: null }, `created ${id}, which has no key`);
          return;
        }
        const warnings = await alikeWarnings(context, 'app', id);
        session.out.warn(warnings);
        await writeNewKey(session, {
          kind: 'app',
          out,
          members: {
            ...{ id, direct },
            ...(bound && { bound }),
            ...(warnings.length > 0 && { warnings }),
          },
          create: (handOver) => createApp(context, id, { direct, bound, handOver }),
          done: `created the app ${id}`,
        });
        if (bound !== undefined) await noteNeeds(session, context, id, bound);
      });
    });
}

interface OptionsOfCreate extends OutOption {
  readonly direct?: boolean;
  readonly bind?: string;
}

/** Names the type, token and grant that a new bound app lacks. */
async function noteNeeds(
  { out }: Session,
  context: OperationContext,
  app: string,
  { clientId: client, tokenType: type }: Binding,
): Promise<void> {
  const types = await listDocuments(context, 'type');
  const isKnown = types.some(({ id }) => id === type);
  if (!isKnown) out.note(`note: no type is called ${JSON.stringify(type)} yet`);
  const stored = await context.store.findTokens(client, type);
  if (stored.length === 0)
    out.note(`note: no token of ${JSON.stringify(client)} of this type is stored yet`);
  out.note(`note: no grant allows calls yet; ${inShell({ do: 'add_grant', app, client, type })}`);
}

function addListApps(app: AdminCommand, session: Session): void {
  addKeyFilter(addUnverified(app.command('list')))
    .description('Lists the apps.')
    .examples('keyserver-admin app list')
    .reading(session, async (context, { key }: KeyFilter) => {
      const apps = await listCallers(context, 'app', key);
      const { members, heading, cell, opens } = verificationOf(context);
      session.out.list(apps, {
        value: ({ id, content }) => ({
          id,
          ...members,
          opens: opens(content),
          direct: content?.direct === true,
          bound: content?.bound ?? null,
          grants: content?.grants.length ?? null,
          keys: content ? shownKeys(content.keys) : null,
        }),
        headings: ['app', 'direct', 'bound', 'grants', 'keys', ...heading],
        cells: ({ id, content }) =>
          content
            ? [
                id,
                content.direct ? 'yes' : 'no',
                content.bound ? describeBinding(content.bound) : 'no',
                String(content.grants.length),
                describeKeys(content.keys, context.clock),
                ...cell,
              ]
            : [id, '', '', '', 'does not open', ...cell],
        empty: 'no apps',
      });
      checkAllOpen('app', apps);
    });
}
