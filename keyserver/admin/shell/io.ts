import type { Clock } from '../../../shared/clock.ts';
import type { Environment } from '../../../shared/settings/config.ts';

/** What the tool needs of the process that runs it; {@link runAdmin} touches nothing else. */
export interface AdminIo {
  /** As `process.env`; the `.env` of {@link folder} is read beneath it. */
  readonly environment: Environment;
  /** The working directory. */
  readonly folder: string;
  readonly stdin: AsyncIterable<Uint8Array>;
  readonly stdinIsTerminal: boolean;
  readonly writeStdout: (text: string) => void;
  readonly writeStderr: (text: string) => void;
  readonly clock: Clock;
}
