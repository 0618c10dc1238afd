/** The examples at the end of a command's help, as the arguments of `addHelpText`. */
export function examples(...lines: readonly string[]): ['after', string] {
  const heading = lines.length === 1 ? 'Example' : 'Examples';
  return ['after', `\n${heading}:\n${lines.map((line) => `  $ ${line}\n`).join('')}`];
}

/** Collects a repeatable option. */
export function collect(value: string, previous: readonly string[] | undefined): string[] {
  return [...(previous ?? []), value];
}
