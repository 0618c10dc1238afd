import type { CallerName } from '../../operations/fleet/plan.ts';
import { OperationError } from '../../operations/operation-error.ts';
import type { AdminIo } from './io.ts';
import type { Session } from './session.ts';
import { inShell } from './suggestions.ts';

interface Confirmation {
  readonly doing: string;
  /** The losses and leaks that it brings, a sentence each. */
  readonly consequences: readonly string[];
  readonly yes: boolean | undefined;
}

/**
 * Says what a change takes away, or lets out, before it is made, and asks on a terminal whether to go on.
 * @throws OperationError confirmation_required, also without a terminal and without `--yes`
 */
export async function confirm(
  { io, out }: Session,
  { doing, consequences, yes }: Confirmation,
): Promise<void> {
  const text = [`${doing}:`, ...consequences.map((one) => `  - ${one}`)].join('\n');
  const shown = consequences.length === 0 ? doing : text;
  if (yes) {
    if (consequences.length > 0) out.note(text);
    return;
  }
  if (!canAsk(io)) {
    throw new OperationError('confirmation_required', `confirmation needed: ${shown}`, {
      do: 'confirm',
    });
  }
  out.ask(`${shown}\ngo on? [y/N] `);
  if (/^y(es)?$/i.test((await firstLine(io.stdin)).trim())) return;
  throw new OperationError('confirmation_required', 'not confirmed', 'nothing was changed');
}

/** Whether a question is seen, and can be answered. */
export function canAsk({ stdinIsTerminal, stderrColumns }: AdminIo): boolean {
  return stdinIsTerminal && stderrColumns !== undefined;
}

/** Says what a change that is not made would take away, or let out. */
export function noteLosses({ out }: Session, consequences: readonly string[]): void {
  if (consequences.length === 0) return;
  out.note(['this asks for confirmation:', ...consequences.map((one) => `  - ${one}`)].join('\n'));
}

export function noteKeyless({ out }: Session, callers: readonly CallerName[]): void {
  for (const { kind, id } of callers) {
    out.note(`the ${kind} ${id} has no key; ${inShell({ do: 'rotate', kind, id })}`);
  }
}

async function firstLine(stdin: AsyncIterable<Uint8Array>): Promise<string> {
  let text = '';
  for await (const bytes of stdin) {
    text += Buffer.from(bytes).toString('utf8');
    if (text.includes('\n')) break;
  }
  return text.split('\n', 1)[0] ?? '';
}
