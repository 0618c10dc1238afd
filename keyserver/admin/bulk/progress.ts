import type { SingleBar } from 'cli-progress';
import type { Progress } from '../../operations/bulk/progress.ts';
import type { AdminIo } from '../shell/io.ts';
import { remark } from '../shell/output.ts';

/** A line of JSON for so long, so that a log does not fill. */
const lineIntervalMs = 5000;

interface ProgressDisplay {
  readonly progress: Progress;
  /** To be called before anything else is printed. */
  end(): void;
}

/** Shows on stderr how far a long command is: by a bar on a terminal, otherwise by lines of JSON, the first after 5 s. */
export async function showProgress(io: AdminIo): Promise<ProgressDisplay> {
  return io.stderrColumns === undefined ? jsonLines(io) : await bars(io, io.stderrColumns);
}

function jsonLines(io: AdminIo): ProgressDisplay {
  const { clock } = io;
  const startedAt = clock.monotonic();
  let due = startedAt + lineIntervalMs;
  return {
    progress: (phase, done, total) => {
      const now = clock.monotonic();
      if (now < due) return;
      due = now + lineIntervalMs;
      const seconds = Math.round((now - startedAt) / 1000);
      remark(io, `${JSON.stringify({ progress: phase, done, total, seconds })}\n`);
    },
    end: () => {},
  };
}

async function bars(io: AdminIo, columns: number): Promise<ProgressDisplay> {
  const { default: library } = await import('cli-progress');
  // The part of a stream that the library uses.
  const write = (text: string) => remark(io, text);
  const stream = { isTTY: true, columns, write } as unknown as NodeJS.WriteStream;
  let bar: SingleBar | undefined;
  let shown: string | undefined;
  const end = () => {
    bar?.stop();
    bar = undefined;
  };
  return {
    progress: (phase, done, total) => {
      if (phase !== shown) {
        end();
        shown = phase;
        const format =
          total === undefined ? '{value} rows' : '[{bar}] {value}/{total}, {eta} s left';
        bar = new library.SingleBar({
          ...{ stream, format: `${phase} ${format}`, fps: 5, hideCursor: null },
          ...{ barsize: Math.max(10, Math.min(40, columns - 50)) },
          ...{ barCompleteChar: '#', barIncompleteChar: '.' },
        });
        bar.start(total ?? 0, done);
      }
      bar?.update(done);
    },
    end,
  };
}

export async function withProgress<T>(
  io: AdminIo,
  work: (progress: Progress) => Promise<T>,
): Promise<T> {
  const { progress, end } = await showProgress(io);
  try {
    return await work(progress);
  } finally {
    end();
  }
}
