/** The used part of a Babel path. */
interface Path {
  readonly node: {
    readonly type: string;
    readonly value?: unknown;
    readonly quasis?: readonly { readonly value: { readonly raw: string } }[];
  };
}

/** True for three words or more, separated by spaces. */
function isSentence(text: string): boolean {
  return text.includes(' ') && (text.match(/\p{L}{2,}/gu) ?? []).length >= 3;
}

/**
 * A plugin of Stryker that does not mutate sentences for people (texts of three words or more), since no decision
 * depends on them. Names, reasons, patterns and formats are mutated.
 */
export const strykerPlugins = [
  {
    kind: 'Ignore',
    name: 'sentences',
    value: {
      shouldIgnore({ node }: Path): string | undefined {
        const text =
          node.type === 'TemplateLiteral'
            ? node.quasis?.map(({ value }) => value.raw).join('…')
            : node.type === 'StringLiteral'
              ? String(node.value)
              : '';
        return isSentence(text ?? '') ? 'a sentence for people' : undefined;
      },
    },
  },
];
