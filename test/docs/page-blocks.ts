/** A fenced block of a page. */
export interface PageBlock {
  /** The headings above it, from the second level on, joined by ` / `. */
  readonly place: string;
  /** The language behind the fence: `sh`, `sql`, … */
  readonly language: string;
  readonly text: string;
}

/** The fenced blocks of a page in their order. */
export function pageBlocks(page: string): PageBlock[] {
  const headings: string[] = [];
  const blocks: PageBlock[] = [];
  const parts = /^```(\w*)\n([\s\S]*?)^```$|^(#{2,}) (.+)$/gm;
  for (const [, language = '', text = '', marks, title = ''] of page.matchAll(parts)) {
    if (marks === undefined) blocks.push({ place: headings.join(' / '), language, text });
    else headings.splice(marks.length - 2, headings.length, title);
  }
  return blocks;
}

/** A command block with what the page says that it prints. */
export interface Step {
  readonly place: string;
  readonly commands: string;
  /** Undefined if the page shows no output. */
  readonly output: string | undefined;
}

/** The `sh` blocks, each with the `text` or `json` block that follows it below the same heading. */
export function pageSteps(blocks: readonly PageBlock[]): Step[] {
  return blocks.flatMap(({ place, language, text }, i) => {
    if (language !== 'sh') return [];
    const next = blocks[i + 1];
    const isOutput = next?.place === place && ['text', 'json'].includes(next.language);
    return [{ place, commands: text, output: isOutput ? next.text : undefined }];
  });
}

/** The commands of the `console` blocks: each with the lines below it, up to the next one. */
export function consoleSteps(blocks: readonly PageBlock[]): Step[] {
  return blocks.flatMap(({ place, language, text }) => {
    if (language !== 'console') return [];
    const [, ...typed] = text.split(/^\$ /m);
    return typed.map((lines) => {
      const [commands = ''] = /^(?:.*\\\n)*.*\n/.exec(lines) ?? [];
      return { place, commands, output: lines.slice(commands.length) || undefined };
    });
  });
}

/** Matches what ends as a page shows it: `…` stands for any text, alone in its line for any lines. */
export function outputPattern(shown: string): RegExp {
  // The last line's end is not always printed.
  return new RegExp(`(?:^|\\n)${linesPattern(shown)}?$`);
}

/** Matches what is as a page shows it from its first line to its last. */
export function wholeOutputPattern(shown: string): RegExp {
  return new RegExp(`^${linesPattern(shown)}$`);
}

function linesPattern(shown: string): string {
  const lines = shown.trim().split('\n');
  return lines
    .map((line) =>
      line === '…' ? '(?:.*\\n)*?' : `${line.split('…').map(escapePattern).join('.*')}\\n`,
    )
    .join('');
}

function escapePattern(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&');
}
