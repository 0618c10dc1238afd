import type { Command } from 'commander';
import type { Clock } from '../../../shared/clock.ts';
import { keyFingerprint } from '../../../shared/crypto/caller-key.ts';
import type { Binding } from '../../../shared/protocol/messages.ts';
import type { CallerKey } from '../../at-rest/document-row.ts';
import {
  type CallerKind,
  createAnonymousApp,
  createApp,
  createProxy,
  rotateCaller,
} from '../../operations/callers.ts';
import { describeBinding, parseBinding } from '../../operations/changes/binding.ts';
import { StoredDocuments } from '../../operations/changes/drafts.ts';
import type { OperationContext } from '../../operations/context.ts';
import { checkAllOpen, listDocuments } from '../../operations/documents.ts';
import { inputInvalid } from '../../operations/operation-error.ts';
import { anonymousApp, hasKeyExpired } from '../../release/callers.ts';
import { confirm } from '../shell/confirmation.ts';
import { parseDuration } from '../shell/duration.ts';
import { writeNewKey } from '../shell/key-output.ts';
import type { Session } from '../shell/session.ts';
import { inShell } from '../shell/suggestions.ts';
import { addCallerKeyCommands } from './caller-keys.ts';
import { changeConfirmed } from './confirm-change.ts';
import { examples } from './examples.ts';
import {
  addLimitProxy,
  addLimits,
  describeLimits,
  type LimitOptions,
  readLimits,
  shownLimits,
} from './proxy-limits.ts';

/** `app …`. */
export function defineApp(app: Command, session: Session): void {
  app.addHelpText(...examples('keyserver-admin app create reports --out reports.key'));
  addCreateApp(app, session);
  addListApps(app, session);
  addRotate(app, session, 'app');
  addCallerKeyCommands(app, session, 'app');
  addRevoke(app, session, 'app');
}

/** `proxy …`. */
export function defineProxy(proxy: Command, session: Session): void {
  proxy.addHelpText(...examples('keyserver-admin proxy create dc-1 --out proxy.key'));
  addCreateProxy(proxy, session);
  addListProxies(proxy, session);
  addLimitProxy(proxy, session);
  addRotate(proxy, session, 'proxy');
  addCallerKeyCommands(proxy, session, 'proxy');
  addRevoke(proxy, session, 'proxy');
}

/** The option of every command that prints a key. */
function addOut(command: Command): Command {
  return command.option(
    '--out <file>',
    'write the key into this new file, with mode 0600, not to stdout',
  );
}

interface OutOption {
  readonly out?: string;
}

function addCreateApp(app: Command, session: Session): void {
  addOut(app.command('create'))
    .summary('create an app and print its key, once')
    .description(
      `Creates an app without grants and prints its key, which cannot be shown again.
The app ${anonymousApp} stands for calls without a key, and has none.`,
    )
    .argument('<id>', 'its name')
    .option('--direct', 'it may ask KeyServer itself, and so receives tokens')
    .option('--bind <client/type>', 'every path of SecureProxy leads there with its key')
    .addHelpText(
      ...examples(
        'keyserver-admin app create reports',
        'keyserver-admin app create sdk --bind shop-1/ozon-seller --out sdk.key',
        'keyserver-admin app create sync --direct --out sync.key',
      ),
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
        await writeNewKey(session, {
          kind: 'app',
          out,
          members: { id, direct, ...(bound && { bound }) },
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

/** Says what calls of a new bound app need besides its key. */
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

function addCreateProxy(proxy: Command, session: Session): void {
  addLimits(addOut(proxy.command('create')))
    .summary('create a proxy and print its key, once')
    .description(
      'Creates a SecureProxy installation and prints its key (PROXY_KEY), which cannot be shown again.',
    )
    .argument('<id>', 'its name')
    .addHelpText(
      ...examples(
        'keyserver-admin proxy create dc-1 --out proxy.key',
        "keyserver-admin proxy create dc-2 --client 'shop-*' --type wildberries --certificate-name dc-2.example.com",
      ),
    )
    .action(async (id: string, { out, ...limits }: OutOption & LimitOptions) => {
      await session.withContext((context) =>
        writeNewKey(session, {
          kind: 'proxy',
          out,
          members: { id },
          create: (handOver) => createProxy(context, id, { ...readLimits(limits), handOver }),
          done: `created the proxy ${id}`,
        }),
      );
    });
}

function addListApps(app: Command, session: Session): void {
  app
    .command('list')
    .description('Lists the apps.')
    .addHelpText(...examples('keyserver-admin app list'))
    .action(async () => {
      await session.withContext(async (context) => {
        const apps = await listDocuments(context, 'app');
        session.out.result(
          apps.map(({ id, content }) => ({
            id,
            opens: content !== undefined,
            direct: content?.direct === true,
            bound: content?.bound ?? null,
            grants: content?.grants.length ?? null,
            keys: content ? shownKeys(content.keys) : null,
          })),
          session.out.table(
            ['app', 'direct', 'bound', 'grants', 'keys'],
            apps.map(({ id, content }) =>
              content
                ? [
                    id,
                    content.direct ? 'yes' : 'no',
                    content.bound ? describeBinding(content.bound) : 'no',
                    String(content.grants.length),
                    describeKeys(content.keys, context.clock),
                  ]
                : [id, '', '', '', 'does not open'],
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
    .addHelpText(...examples('keyserver-admin proxy list'))
    .action(async () => {
      await session.withContext(async (context) => {
        const proxies = await listDocuments(context, 'proxy');
        session.out.result(
          proxies.map(({ id, content }) => ({
            id,
            opens: content !== undefined,
            keys: content ? shownKeys(content.keys) : null,
            ...shownLimits(content ?? {}),
          })),
          session.out.table(
            ['proxy', 'limits', 'keys'],
            proxies.map(({ id, content }) => [
              id,
              content ? describeLimits(content) : '',
              content ? describeKeys(content.keys, context.clock) : 'does not open',
            ]),
            'no proxies',
          ),
        );
        checkAllOpen('proxy', proxies);
      });
    });
}

function shownKeys(keys: readonly CallerKey[]) {
  return keys.map(({ hash, createdAt, expiresAt }) => ({
    fingerprint: keyFingerprint(hash),
    createdAt,
    expiresAt: expiresAt ?? null,
  }));
}

function describeKeys(keys: readonly CallerKey[], clock: Clock): string {
  if (keys.length === 0) return 'none';
  const end = (key: CallerKey) =>
    key.expiresAt && ` ${hasKeyExpired(key, clock) ? 'ended' : 'until'} ${key.expiresAt}`;
  return keys
    .map((key) => `${keyFingerprint(key.hash)} of ${key.createdAt}${end(key) ?? ''}`)
    .join(', ');
}

function addRotate(parent: Command, session: Session, kind: CallerKind): void {
  addOut(parent.command('rotate'))
    .summary('print a new key; the old one expires')
    .description(
      'Creates a new key and prints it, once. The old key expires at once, or after the overlap.',
    )
    .argument('<id>', 'its name')
    .option('--overlap <duration>', 'how long the old key stays valid, such as 30m, 24h, 7d')
    .option('--yes', 'end the old key at once without being asked')
    .addHelpText(
      ...examples(`keyserver-admin ${kind} rotate ${exampleId[kind]} --overlap 24h --out new.key`),
    )
    .action(async (id: string, { overlap, out, yes }: RotateOptions) => {
      const overlapSeconds = overlap === undefined ? 0 : parseDuration(overlap);
      await session.withContext(async (context) => {
        if (overlap === undefined) await confirmEnd(session, context, { kind, id, yes });
        await writeNewKey(session, {
          kind,
          out,
          members: { id, overlapSeconds },
          create: (handOver) => rotateCaller(context, kind, id, { overlapSeconds, handOver }),
          done:
            overlap === undefined
              ? `the old key of ${id} has expired`
              : `the old key of ${id} expires in ${overlap}`,
        });
      });
    });
}

interface RotateOptions extends OutOption {
  readonly overlap?: string;
  readonly yes?: boolean;
}

/** A rotation that nobody prepared for is an outage, unless no key works anyway. */
async function confirmEnd(
  session: Session,
  context: OperationContext,
  { kind, id, yes }: { kind: CallerKind; id: string; yes: boolean | undefined },
): Promise<void> {
  const { before } = (await StoredDocuments.read(context)).get(kind, id);
  // A caller that is not there, or does not open, is the rotation's to reject.
  if (before?.keys.every((key) => hasKeyExpired(key, context.clock)) ?? true) return;
  await confirm(session, {
    doing: `rotating the key of the ${kind} ${id} without --overlap`,
    consequences: ['the old key ends at once: calls fail until the new one is in place'],
    yes,
  });
}

const exampleId: Record<CallerKind, string> = { app: 'reports', proxy: 'dc-1' };

function addRevoke(parent: Command, session: Session, kind: CallerKind): void {
  parent
    .command('revoke')
    .description(
      kind === 'app'
        ? 'Deletes the app, its keys and its grants; its calls stop within two seconds.'
        : 'Deletes the proxy and its keys; it receives no more tokens.',
    )
    .argument('<id>', 'its name')
    .option('--yes', 'do it without being asked')
    .addHelpText(...examples(`keyserver-admin ${kind} revoke ${exampleId[kind]} --yes`))
    .action(async (id: string, { yes }: { yes?: boolean }) => {
      await session.withContext(async (context) => {
        const consequences = await changeConfirmed(session, context, {
          ...{ doing: `revoking the ${kind} ${id}`, yes, isAlwaysAsked: true },
          draft: (stored) => stored.deletion(kind, id),
        });
        session.out.result({ id, revoked: true, consequences }, `revoked the ${kind} ${id}`);
      });
    });
}
