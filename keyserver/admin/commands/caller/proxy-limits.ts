import type { ProxyDocument } from '../../../at-rest/document-row.ts';
import { type LimitRequest, parseLimits } from '../../../operations/proxy-limits.ts';
import type { AdminCommand } from '../../shell/admin-command.ts';
import type { Session } from '../../shell/session.ts';
import { changeConfirmed } from '../confirm-change.ts';

export interface LimitOptions {
  readonly client?: readonly string[];
  readonly type?: readonly string[];
  readonly certificateName?: readonly string[];
}

export function addLimits(command: AdminCommand): AdminCommand {
  return command
    .option('--client <pattern...>', 'only tokens of these clients')
    .option('--type <pattern...>', 'only tokens of these types')
    .option('--certificate-name <name...>', 'only with a client certificate of one of these names');
}

export function readLimits({ client, type, certificateName }: LimitOptions): LimitRequest {
  return { clients: client, types: type, certificateNames: certificateName };
}

export function addLimitProxy(proxy: AdminCommand, session: Session): void {
  addLimits(proxy.command('limit'))
    .summary('replace what a proxy is limited to')
    .description(
      `Replaces all limits of a proxy: those that are not named are gone. A pattern is an exact name, or a prefix
with * at its end. A name of a certificate needs mTLS at KeyServer (TLS_CLIENT_CA_FILE).`,
    )
    .argument('<id>', 'its name')
    .examples(
      "keyserver-admin proxy limit dc-1 --client 'shop-*' --type wildberries ozon-seller",
      'keyserver-admin proxy limit dc-1 --certificate-name proxy-1.example.com',
      'keyserver-admin proxy limit dc-1',
    )
    .option('--yes', 'do it without being asked, whatever it takes away')
    .operation(
      session,
      async (context, id: string, { yes, ...options }: LimitOptions & { yes?: boolean }) => {
        const limits = parseLimits(readLimits(options));
        await changeConfirmed(session, context, {
          ...{ doing: `limiting the proxy ${id} takes away`, yes },
          draft: (stored) => stored.change('proxy', id, ({ keys }) => ({ keys, ...limits })),
        });
        session.out.result(
          { id, ...shownLimits(limits) },
          `${id} may obtain tokens of ${describeLimits(limits)}`,
        );
      },
    );
}

export function shownLimits(limits: Partial<ProxyDocument>) {
  const { clients = null, types = null, certificateNames = null } = limits;
  return { clients, types, certificateNames };
}

export function describeLimits({ clients, types, certificateNames }: Partial<ProxyDocument>) {
  const parts = [
    `clients ${clients?.join(' ') ?? 'all'}`,
    `types ${types?.join(' ') ?? 'all'}`,
    ...(certificateNames ? [`certificate ${certificateNames.join(' ')}`] : []),
  ];
  return parts.join(', ');
}
