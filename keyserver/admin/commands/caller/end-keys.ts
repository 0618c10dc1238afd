import { type CallerKind, rotateCaller } from '../../../operations/callers.ts';
import { StoredDocuments } from '../../../operations/changes/drafts.ts';
import type { OperationContext } from '../../../operations/context.ts';
import { skewedClocks } from '../../../operations/keys/skewed-clocks.ts';
import { hasKeyExpired } from '../../../release/callers.ts';
import { type AdminCommand, exampleIds } from '../../shell/admin-command.ts';
import { confirm } from '../../shell/confirmation.ts';
import { parseDuration } from '../../shell/duration.ts';
import { addOut, type OutOption, writeNewKey } from '../../shell/key-output.ts';
import type { Session } from '../../shell/session.ts';
import { changeConfirmed } from '../confirm-change.ts';

export function addRotate(parent: AdminCommand, session: Session, kind: CallerKind): void {
  addOut(parent.command('rotate'))
    .summary('print a new key; the old one expires')
    .description(
      'Creates a new key and prints it, once. The old key expires at once, or after the overlap.',
    )
    .argument('<id>', 'its name')
    .option('--overlap <duration>', 'how long the old key stays valid, such as 30m, 24h, 7d')
    .option('--yes', 'end the old key at once without being asked')
    .examples(`keyserver-admin ${kind} rotate ${exampleIds[kind]} --overlap 24h --out new.key`)
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
        if (overlap !== undefined) await warnOfClocks(session, context);
      });
    });
}

/** The old key ends by KeyServer's clock, perhaps at once. The rotation has succeeded, whatever comes here. */
async function warnOfClocks({ out }: Session, context: OperationContext): Promise<void> {
  const found = await skewedClocks(context).catch(() => []);
  out.warn(found);
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

export function addRevoke(parent: AdminCommand, session: Session, kind: CallerKind): void {
  parent
    .command('revoke')
    .description(
      kind === 'app'
        ? 'Deletes the app, its keys and its grants; its calls stop within two seconds.'
        : 'Deletes the proxy and its keys; it receives no more tokens.',
    )
    .argument('<id>', 'its name')
    .option('--yes', 'do it without being asked')
    .examples(`keyserver-admin ${kind} revoke ${exampleIds[kind]} --yes`)
    .operation(session, async (context, id: string, { yes }: { yes?: boolean }) => {
      const consequences = await changeConfirmed(session, context, {
        ...{ doing: `revoking the ${kind} ${id}`, yes, isAlwaysAsked: true },
        draft: (stored) => stored.deletion(kind, id),
      });
      session.out.result({ id, revoked: true, consequences }, `revoked the ${kind} ${id}`);
    });
}
