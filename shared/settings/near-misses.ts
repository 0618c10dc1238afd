import leven from 'leven';

export function nearMisses(names: readonly string[], given: readonly string[]): string[] {
  return given.flatMap((name) => {
    const near = names.includes(name) ? undefined : nearest(name.toUpperCase(), names);
    return near === undefined ? [] : [`${name} is not a setting: is ${near} meant?`];
  });
}

function nearest(name: string, names: readonly string[]): string | undefined {
  let best: string | undefined;
  let bestDistance = Infinity;
  for (const candidate of names) {
    const distance = distanceOf(name, candidate);
    if (distance < bestDistance) [best, bestDistance] = [candidate, distance];
  }
  return best;
}

const shortName = 6;

/** Infinity if one is hardly meant by the other. */
function distanceOf(name: string, candidate: string): number {
  if (isSwapped(name, candidate) || bare(name) === bare(candidate)) return 1;
  const max = name.length < shortName || name[0] !== candidate[0] ? 1 : 2;
  const distance = leven(name, candidate, { maxDistance: max + 1 });
  if (distance <= max) return distance;
  if (withoutEnding(name) === withoutEnding(candidate)) return ending.test(candidate) ? 2 : 3;
  // Whole words are missing at the end.
  return name.includes('_') && candidate.startsWith(`${name}_`) ? 4 : Infinity;
}

function isSwapped(name: string, candidate: string): boolean {
  if (name.length !== candidate.length) return false;
  const at = [...name].findIndex((letter, i) => letter !== candidate[i]);
  if (at < 0) return false;
  const [first = '', second = ''] = name.slice(at, at + 2);
  return name.slice(0, at) + second + first + name.slice(at + 2) === candidate;
}

const ending = /_(?:FILE|FILES|DIR|PATH|FOLDER|MS|SECONDS|BYTES|MAX)$/;

function bare(name: string): string {
  return name.replaceAll('_', '');
}

function withoutEnding(name: string): string {
  return name.replace(ending, '');
}
