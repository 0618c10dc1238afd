import { LocalError } from '../../local/local-error.ts';
import type { CaseName } from '../cases/all.ts';
import type { FigureName } from '../figures/all.ts';
import type { Report } from '../report/report.ts';

/** CPU a request, microseconds, of one core as measured. */
export interface Costs {
  /** SecureProxy, with a kept release. */
  readonly proxyHit: number;
  /** SecureProxy, where it asks KeyServer. */
  readonly proxyMiss: number;
  /** KeyServer by ticket, rows in MariaDB. */
  readonly keyserver: number;
  /** MariaDB, for one release. */
  readonly database: number;
}

/** What was measured of one SecureProxy, to check predictions by. */
export interface Points {
  /** Callers that wait for their answers. */
  readonly concurrency: number;
  /** Requests a second that those get. */
  readonly top: number;
  /** At half of it, milliseconds. */
  readonly halfTopP50: number;
  readonly halfTopP99: number;
}

/** @throws LocalError where the run left something out that is needed */
export function costsOf(report: Report): Costs {
  const cost = (name: CaseName, part: string) =>
    found(name, report.results.find((one) => one.name === name)?.cpuByPart[part]);
  return {
    proxyHit: cost('warm', 'SecureProxy'),
    proxyMiss: cost('cold', 'SecureProxy'),
    keyserver: cost('keyserver-mysql', 'KeyServer'),
    database: cost('keyserver-mysql', 'database'),
  };
}

/** @throws LocalError likewise */
export function pointsOf({ setting, figures }: Report): Points {
  const value = (name: FigureName) => found(name, figures.find((one) => one.name === name)?.value);
  return {
    concurrency: setting.concurrency,
    top: value('top'),
    halfTopP50: value('half-top-p50'),
    halfTopP99: value('half-top-p99'),
  };
}

function found(name: string, value: number | undefined): number {
  if (value !== undefined) return value;
  throw new LocalError(`bench/results.json has no ${name}: npm run bench -- --save`);
}
