import type { Arrangement } from '../pair/arrangement.ts';
import type { Case, CaseContext, MakeCase } from './case.ts';
import { coldCases } from './cold.ts';
import { forwardCases } from './forward.ts';
import { keyserverCases } from './keyserver.ts';
import { originCases } from './origins.ts';
import { peerCases } from './peers.ts';
import { rowCases } from './rows.ts';
import { tlsCases } from './tls.ts';
import { largeCases, warmCases } from './warm.ts';

const usualCases = {
  ...peerCases,
  ...warmCases,
  ...forwardCases,
  ...tlsCases,
  ...originCases,
  ...coldCases,
  ...keyserverCases,
};
/** Slow cases, measured with `--full`. */
const fullCases = { ...largeCases, ...rowCases };

export type CaseName = keyof typeof usualCases | keyof typeof fullCases;
export type NamedCase = Case & { readonly name: CaseName };

const makers: Readonly<Record<CaseName, MakeCase>> = { ...usualCases, ...fullCases };
/** In the order of a round. */
export const caseNames = Object.keys(makers) as CaseName[];

export function isFullCase(name: CaseName): boolean {
  return name in fullCases;
}

/** Makes the chosen cases, except those that the machine lacks a program for. `seconds` is the length of a round. */
export async function createCases(
  arrangement: Arrangement,
  { names, seconds }: { readonly names: readonly CaseName[]; readonly seconds: number },
): Promise<NamedCase[]> {
  const context: CaseContext = { ...arrangement, seconds };
  const cases: NamedCase[] = [];
  for (const name of names) {
    const made = await makers[name](context);
    if (made !== undefined) cases.push({ name, ...made });
  }
  return cases;
}
