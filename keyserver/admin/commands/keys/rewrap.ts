import { count } from '../../../operations/count.ts';
import { hasLiveReplica } from '../../../operations/keys/check-loaded.ts';
import { rewrap } from '../../../operations/keys/rewrap.ts';
import { withProgress } from '../../bulk/progress.ts';
import type { AdminCommand } from '../../shell/admin-command.ts';
import { faultsFoundExitCode } from '../../shell/exit-codes.ts';
import type { Session } from '../../shell/session.ts';

export function defineRewrap(command: AdminCommand, session: Session): void {
  command
    .description(
      `Seals every token and document that an older at-rest key sealed with the primary one, while traffic flows: in
batches that adapt to the database, and documents at most 100 a second. It can be stopped at any time and run again.
Exit code 1 if a row does not open.`,
    )
    .examples('keyserver-admin rewrap')
    .operation(session, async (context) => {
      const { primaryKid } = context.keyring;
      if (!(await hasLiveReplica(context))) {
        session.out.note(
          `no KeyServer reports: start one only if its keyring has the key ${primaryKid}`,
        );
      }
      const result = await withProgress(session.io, (progress) =>
        rewrap(context, { onProgress: (done, total) => progress('sealed', done, total) }),
      );
      const { tokens, documents, images, changed, broken } = result;
      if (broken > 0) session.exitCode = faultsFoundExitCode;
      session.out.result(
        { key: primaryKid, ...result },
        [
          `sealed ${count(tokens, 'token')} and ${count(documents, 'document')} with ${primaryKid}`,
          ...(images > 0 ? [`${count(images, 'before-image')} as well`] : []),
          ...(changed > 0 ? [`${count(changed, 'token')} changed meanwhile: run it again`] : []),
          ...(broken > 0 ? [`${count(broken, 'row')} did not open: see doctor`] : []),
        ].join('; '),
      );
    });
}
