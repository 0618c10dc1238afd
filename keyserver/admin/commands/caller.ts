import type { Command } from 'commander';
import type { CallerKey } from '../../at-rest/document-row.ts';
import {
  type CallerKind,
  createAnonymousApp,
  createApp,
  createProxy,
  rotateCaller,
} from '../../operations/callers.ts';
import { checkAllOpen, deleteDocument, listDocuments } from '../../operations/documents.ts';
import { parseDuration } from '../../operations/duration.ts';
import { anonymousApp } from '../../release/callers.ts';
import { table } from '../shell/output.ts';
import type { Session } from '../shell/session.ts';
import { examples } from './examples.ts';

/** `app …` and `proxy …`: those that call with a key. */
export function addCallerCommands(program: Command, session: Session): void {
  const app = program
    .command('app')
    .description('applications and their keys')
    .addHelpText('after', examples('keyserver-admin app create reports'));
  addCreateApp(app, session);
  addListApps(app, session);
  addRotate(app, session, 'app');
  addRevoke(app, session, 'app');
  const proxy = program
    .command('proxy')
    .description('SecureProxy installations and their keys')
    .addHelpText('after', examples('keyserver-admin proxy create dc-1'));
  addCreateProxy(proxy, session);
  addListProxies(proxy, session);
  addRotate(proxy, session, 'proxy');
  addRevoke(proxy, session, 'proxy');
}

function addCreateApp(app: Command, session: Session): void {
  app
    .command('create')
    .summary('make an app and print its key, once')
    .description(
      `Makes an app, without grants, and prints its key: the only time that it can be seen.
The app ${anonymousApp} stands for calls without a key, and has none.`,
    )
    .argument('<id>', 'its name')
    .option('--direct', 'it may ask KeyServer itself and get tokens into its own hands')
    .addHelpText(
      'after',
      examples(
        'keyserver-admin app create reports',
        'keyserver-admin app create sync --direct > sync.key',
      ),
    )
    .action(async (id: string, { direct = false }: { direct?: boolean }) => {
      await session.withContext(async (context) => {
        if (id === anonymousApp) {
          await createAnonymousApp(context, { direct });
          session.out.result({ id, direct, key: null }, `created ${id}, which has no key`);
          return;
        }
        const key = await createApp(context, id, { direct });
        session.out.result({ id, direct, key }, key);
        noteKey(session, `created the app ${id}`);
      });
    });
}

function addCreateProxy(proxy: Command, session: Session): void {
  proxy
    .command('create')
    .summary('make a proxy and print its key, once')
    .description(
      'Makes a SecureProxy installation and prints its key (PROXY_KEY): the only time that it can be seen.',
    )
    .argument('<id>', 'its name')
    .addHelpText('after', examples('keyserver-admin proxy create dc-1 > proxy.key'))
    .action(async (id: string) => {
      await session.withContext(async (context) => {
        const key = await createProxy(context, id);
        session.out.result({ id, key }, key);
        noteKey(session, `created the proxy ${id}`);
      });
    });
}

function noteKey({ out }: Session, done: string): void {
  out.note(`${done}; its key is shown this once only`);
}

function addListApps(app: Command, session: Session): void {
  app
    .command('list')
    .description('Lists the apps.')
    .addHelpText('after', examples('keyserver-admin app list'))
    .action(async () => {
      await session.withContext(async (context) => {
        const apps = await listDocuments(context, 'app');
        session.out.result(
          apps.map(({ id, content }) => ({
            id,
            opens: content !== undefined,
            direct: content?.direct === true,
            grants: content?.grants.length ?? null,
            keys: content ? shownKeys(content.keys) : null,
          })),
          table(
            ['app', 'direct', 'grants', 'keys'],
            apps.map(({ id, content }) =>
              content
                ? [
                    id,
                    content.direct ? 'yes' : 'no',
                    String(content.grants.length),
                    describeKeys(content.keys),
                  ]
                : [id, '', '', 'does not open'],
            ),
            'no apps',
          ),
        );
        checkAllOpen('app', apps);
      });
    });
}

function addListProxies(proxy: Command, session: Session): void {
  proxy
    .command('list')
    .description('Lists the proxies.')
    .addHelpText('after', examples('keyserver-admin proxy list'))
    .action(async () => {
      await session.withContext(async (context) => {
        const proxies = await listDocuments(context, 'proxy');
        session.out.result(
          proxies.map(({ id, content }) => ({
            id,
            opens: content !== undefined,
            keys: content ? shownKeys(content.keys) : null,
          })),
          table(
            ['proxy', 'keys'],
            proxies.map(({ id, content }) => [
              id,
              content ? describeKeys(content.keys) : 'does not open',
            ]),
            'no proxies',
          ),
        );
        checkAllOpen('proxy', proxies);
      });
    });
}

function shownKeys(keys: readonly CallerKey[]) {
  return keys.map(({ createdAt, expiresAt }) => ({ createdAt, expiresAt: expiresAt ?? null }));
}

function describeKeys(keys: readonly CallerKey[]): string {
  if (keys.length === 0) return 'none';
  return keys
    .map(({ createdAt, expiresAt }) => `of ${createdAt}${expiresAt ? ` until ${expiresAt}` : ''}`)
    .join(', ');
}

function addRotate(parent: Command, session: Session, kind: CallerKind): void {
  parent
    .command('rotate')
    .summary('print a new key; the old one ends')
    .description(
      'Gives it a new key and prints it, once. The old key stops at once, or after the overlap.',
    )
    .argument('<id>', 'its name')
    .option('--overlap <duration>', 'how long the old key still works, such as 30m, 24h, 7d')
    .addHelpText(
      'after',
      examples(`keyserver-admin ${kind} rotate ${exampleId[kind]} --overlap 24h`),
    )
    .action(async (id: string, { overlap }: { overlap?: string }) => {
      const overlapSeconds = overlap === undefined ? 0 : parseDuration(overlap);
      await session.withContext(async (context) => {
        const key = await rotateCaller(context, kind, id, overlapSeconds);
        session.out.result({ id, key, overlapSeconds }, key);
        noteKey(
          session,
          overlap === undefined
            ? `the old key of ${id} has ended`
            : `the old key of ${id} ends in ${overlap}`,
        );
      });
    });
}

const exampleId: Record<CallerKind, string> = { app: 'reports', proxy: 'dc-1' };

function addRevoke(parent: Command, session: Session, kind: CallerKind): void {
  parent
    .command('revoke')
    .description(
      kind === 'app'
        ? 'Deletes the app, its keys and its grants; its calls stop within two seconds.'
        : 'Deletes the proxy and its keys; it gets no more tokens.',
    )
    .argument('<id>', 'its name')
    .addHelpText('after', examples(`keyserver-admin ${kind} revoke ${exampleId[kind]}`))
    .action(async (id: string) => {
      await session.withContext(async (context) => {
        await deleteDocument(context, kind, id);
        session.out.result({ id, revoked: true }, `revoked the ${kind} ${id}`);
      });
    });
}
