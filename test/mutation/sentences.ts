/** As much of a Babel path as is looked at. */
interface Path {
  readonly node: {
    readonly type: string;
    readonly value?: unknown;
    readonly quasis?: readonly { readonly value: { readonly raw: string } }[];
  };
}

/** True for three words or more with spaces between them. */
function isSentence(text: string): boolean {
  return text.includes(' ') && (text.match(/\p{L}{2,}/gu) ?? []).length >= 3;
}

/**
 * A plugin of Stryker that leaves sentences for people alone, which no decision hangs on: texts of
 * three words or more. Names, reasons, patterns and formats stay mutated.
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
