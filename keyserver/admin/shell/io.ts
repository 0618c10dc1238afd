import type { Clock } from '../../../shared/clock.ts';
import type { Environment } from '../../../shared/settings/config.ts';

/** The process as the tool sees it; {@link runAdmin} touches no other part of it. */
export interface AdminIo {
  /** As `process.env`; the `.env` of {@link folder} is read beneath it. */
  readonly environment: Environment;
  readonly folder: string;
  readonly stdin: AsyncIterable<Uint8Array>;
  readonly stdinIsTerminal: boolean;
  /** {@link stdin} if it is a terminal, without showing what is typed from now on; absent: it is read as it is. */
  readonly hiddenStdin?: () => AsyncIterable<Uint8Array>;
  /** Whether stdout is closed or the null device, so that nobody reads it. */
  readonly stdoutIsLost?: boolean;
  /** Width of the terminal that stdout is, in characters; undefined if it is none. */
  readonly stdoutColumns?: number | undefined;
  /** Width of the terminal that stderr is, in characters; undefined if it is none. */
  readonly stderrColumns?: number | undefined;
  /** Writes the whole text before it returns. @throws the system's error */
  readonly writeStdout: (text: string) => void;
  readonly writeStderr: (text: string) => void;
  readonly clock: Clock;
}
