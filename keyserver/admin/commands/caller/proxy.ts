import { createProxy } from '../../../operations/callers.ts';
import { alikeWarnings, checkAllOpen } from '../../../operations/documents.ts';
import { listCallers } from '../../../operations/keys/caller-keys.ts';
import type { AdminCommand } from '../../shell/admin-command.ts';
import { addOut, type OutOption, writeNewKey } from '../../shell/key-output.ts';
import type { Session } from '../../shell/session.ts';
import { addUndo } from '../undo.ts';
import { addUnverified, verificationOf } from '../unverified.ts';
import { addEndOverlap, addShow } from './caller-keys.ts';
import { addRevoke, addRotate } from './end-keys.ts';
import {
  addLimitProxy,
  addLimits,
  describeLimits,
  type LimitOptions,
  readLimits,
  shownLimits,
} from './proxy-limits.ts';
import { addKeyFilter, describeKeys, type KeyFilter, shownKeys } from './shown-keys.ts';

export function defineProxy(proxy: AdminCommand, session: Session): void {
  proxy.examples('keyserver-admin proxy create dc-1 --out proxy.key');
  addCreateProxy(proxy, session);
  addListProxies(proxy, session);
  addLimitProxy(proxy, session);
  addRotate(proxy, session, 'proxy');
  addShow(proxy, session, 'proxy');
  addEndOverlap(proxy, session, 'proxy');
  addRevoke(proxy, session, 'proxy');
  addUndo(proxy, session, 'proxy');
}

function addCreateProxy(proxy: AdminCommand, session: Session): void {
  addLimits(addOut(proxy.command('create')))
    .summary('create a proxy and print its key, once')
    .description(
      'Creates a SecureProxy installation and prints its key (PROXY_KEY), which cannot be shown again.',
    )
    .argument('<id>', 'its name')
    .examples(
      'keyserver-admin proxy create dc-1 --out proxy.key',
      "keyserver-admin proxy create dc-2 --client 'shop-*' --type wildberries --certificate-name dc-2.example.com",
    )
    .action(async (id: string, { out, ...limits }: OutOption & LimitOptions) => {
      await session.withContext(async (context) => {
        const warnings = await alikeWarnings(context, 'proxy', id);
        session.out.warn(warnings);
        await writeNewKey(session, {
          kind: 'proxy',
          out,
          members: { id, ...(warnings.length > 0 && { warnings }) },
          create: (handOver) => createProxy(context, id, { ...readLimits(limits), handOver }),
          done: `created the proxy ${id}`,
        });
      });
    });
}

function addListProxies(proxy: AdminCommand, session: Session): void {
  addKeyFilter(addUnverified(proxy.command('list')))
    .description('Lists the proxies.')
    .examples('keyserver-admin proxy list')
    .reading(session, async (context, { key }: KeyFilter) => {
      const proxies = await listCallers(context, 'proxy', key);
      const { members, heading, cell, opens } = verificationOf(context);
      session.out.list(proxies, {
        value: ({ id, content }) => ({
          id,
          ...members,
          opens: opens(content),
          keys: content ? shownKeys(content.keys) : null,
          ...shownLimits(content ?? {}),
        }),
        headings: ['proxy', 'limits', 'keys', ...heading],
        cells: ({ id, content }) => [
          id,
          content ? describeLimits(content) : '',
          content ? describeKeys(content.keys, context.clock) : 'does not open',
          ...cell,
        ],
        empty: 'no proxies',
      });
      checkAllOpen('proxy', proxies);
    });
}
