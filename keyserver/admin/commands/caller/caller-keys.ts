import type { CallerKind } from '../../../operations/callers.ts';
import { describeBinding } from '../../../operations/changes/binding.ts';
import { count } from '../../../operations/count.ts';
import {
  endOverlap,
  isUsedStill,
  overlapping,
  showCaller,
  type UsedKey,
} from '../../../operations/keys/caller-keys.ts';
import { type AdminCommand, exampleIds } from '../../shell/admin-command.ts';
import { confirm } from '../../shell/confirmation.ts';
import type { Session } from '../../shell/session.ts';
import { addUnverified, verificationOf } from '../unverified.ts';

export function addShow(parent: AdminCommand, session: Session, kind: CallerKind): void {
  addUnverified(parent.command('show'))
    .summary('show its keys, and when they were last used')
    .description(
      `Shows the keys of the ${kind} with the day of their last use, in UTC, which KeyServer writes once a day.`,
    )
    .argument('<id>', 'its name')
    .examples(`keyserver-admin ${kind} show ${exampleIds[kind]}`)
    .reading(session, async (context, id: string) => {
      const { members, heading, cell } = verificationOf(context);
      const { document, keys } = await showCaller(context, kind, id);
      const { keys: _, ...rest } = document;
      const grants = 'grants' in document ? document.grants.length : undefined;
      session.out.result(
        { id, ...members, ...rest, keys },
        [
          [
            id,
            ...(context.keyring === undefined ? ['not verified'] : []),
            ...(grants === undefined ? [] : [`with ${count(grants, 'grant')}`]),
            ...('bound' in rest ? [`bound to ${describeBinding(rest.bound)}`] : []),
          ].join(', '),
          session.out.table(
            ['key', 'made', 'works', 'last used', ...heading],
            keys.map((key) => [...cells(key), ...cell]),
            'no keys',
          ),
        ].join('\n'),
      );
    });
}

function cells({ fingerprint, createdAt, expiresAt, works, lastUsed }: UsedKey): string[] {
  const end = works ? `until ${expiresAt}` : `ended ${expiresAt}`;
  return [fingerprint, createdAt, expiresAt === null ? 'yes' : end, lastUsed ?? 'not known'];
}

export function addEndOverlap(parent: AdminCommand, session: Session, kind: CallerKind): void {
  parent
    .command('end-overlap')
    .summary('end the old keys that a rotation lets work')
    .description(
      `Ends at once the old keys that "${kind} rotate --overlap" lets work. If one was used today or yesterday it asks, or
needs --yes.`,
    )
    .argument('<id>', 'its name')
    .option('--yes', 'do it without being asked')
    .examples(`keyserver-admin ${kind} end-overlap ${exampleIds[kind]}`)
    .operation(session, async (context, id: string, { yes }: { yes?: boolean }) => {
      const { keys } = await showCaller(context, kind, id);
      const used = overlapping(keys).filter((key) => isUsedStill(key, context.clock.now()));
      if (used.length > 0) {
        await confirm(session, {
          doing: `ending the overlap of the ${kind} ${id}`,
          consequences: used.map(
            ({ fingerprint, lastUsed }) =>
              `the old key ${fingerprint} was last used on ${lastUsed}: calls with it fail`,
          ),
          yes,
        });
      }
      const ended = await endOverlap(context, kind, id);
      session.out.result(
        { id, ended },
        ended === 0
          ? `the ${kind} ${id} has no overlap`
          : `ended ${count(ended, 'old key')} of the ${kind} ${id}`,
      );
    });
}
