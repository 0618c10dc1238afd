import { Command } from 'commander';
import type { OperationContext, ReadContext } from '../../operations/context.ts';
import type { DocumentKind } from '../../store/store.ts';
import type { Session } from './session.ts';

/** Names for the examples of commands that several kinds have. */
export const exampleIds = {
  type: 'wildberries',
  app: 'reports',
  proxy: 'dc-1',
} satisfies Record<DocumentKind, string>;

export class AdminCommand extends Command {
  override createCommand(name?: string): AdminCommand {
    return new AdminCommand(name);
  }

  examples(...lines: readonly string[]): this {
    const heading = lines.length === 1 ? 'Example' : 'Examples';
    const text = lines.map((line) => `  $ ${line}\n`).join('');
    return this.addHelpText('after', `\n${heading}:\n${text}`);
  }

  /** Adds an option that takes one value each time it is given. */
  repeatable(flags: string, description: string): this {
    const collect = (value: string, previous: readonly string[] = []) => [...previous, value];
    return this.option(flags, `${description}; repeatable`, collect);
  }

  /** Sets its action: `work` takes the keys and the open store, then arguments and options. */
  operation<A extends readonly unknown[]>(
    session: Session,
    work: (context: OperationContext, ...args: A) => Promise<void>,
  ): this {
    return this.action((...args) =>
      session.withContext((context) => work(context, ...(args as unknown as A))),
    );
  }

  /** As {@link operation}, of a command that only reads: without keys after `--unverified`. */
  reading<A extends readonly unknown[]>(
    session: Session,
    work: (context: ReadContext, ...args: A) => Promise<void>,
  ): this {
    return this.action((...args) =>
      session.withReadContext(this.opts(), (context) => work(context, ...(args as unknown as A))),
    );
  }
}
