import type { Result } from './run.ts';
import { attackClasses } from './scene/attack.ts';

/** A row of Markdown for one attack. */
export function row({ class: kind, name, outcome }: Result): string {
  const [happened, held] =
    outcome === 'not tried'
      ? ['', 'not tried']
      : [outcome.happened, outcome.held ? 'held' : 'NOT HELD'];
  return `| ${[kind, name, happened, held].map(cell).join(' | ')} |`;
}

export const tableHead = ['| class | attack | what happened | |', '|---|---|---|---|'];

/** How many attacks of each class were held. */
export function summary(results: readonly Result[]): string[] {
  return attackClasses.flatMap((kind) => {
    const tried = results.filter(
      ({ class: one, outcome }) => one === kind && outcome !== 'not tried',
    );
    if (tried.length === 0) return [];
    return [`${kind}: ${tried.filter(isHeld).length} of ${tried.length} held`];
  });
}

export function isHeld({ outcome }: Result): boolean {
  return outcome !== 'not tried' && outcome.held;
}

export function isThrough({ outcome }: Result): boolean {
  return outcome !== 'not tried' && !outcome.held;
}

/** Escapes bytes that would end the cell or control the terminal. */
function cell(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, '?').replaceAll('|', '\\|');
}
