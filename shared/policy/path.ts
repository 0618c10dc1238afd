/** U+0000–001F, U+007F–009F and the line and paragraph separators. */
export const controls = /[\p{Cc}\u2028\u2029]/u;

/** No honest client encodes as often; bounds the work. */
const maxDecodings = 8;
/** Slashes, and characters that Windows code pages turn into slashes (docs/threat-model.md, "Paths"). */
const separators = /[/\\\u2044\u2215\u2216\u00a5\u20a9]/;

/**
 * True for the path of a parsed URL that some server could read as another one: after decoding, a piece
 * between slashes is a dot segment, or the path begins with two slashes. A server may decode any number
 * of times, fold compatibility characters (`．`, `／`, `‥`), take backslashes for slashes, cut a piece at
 * `;`, `?` or `#`, and trim it. Control characters, bytes that are not UTF-8 and `%u` are ambiguous at
 * any depth; a lone `%` is literal. No path rule matches such a path (docs/protocol.md §8).
 */
export function isAmbiguousPath(pathname: string): boolean {
  // Without these, the URL parser has resolved what could be ambiguous.
  if (!/[%;]|^\/\//.test(pathname)) return false;
  const decoded = decodeFully(pathname);
  if (decoded === undefined) return true;
  const pieces = piecesOf(decoded);
  const [first, second, ...others] = pieces;
  return (
    (first === '' && second === '' && others.length > 0) ||
    pieces.some((piece) => piece === '.' || piece === '..')
  );
}

/**
 * The paths that servers could read: decoded, folded, and cut at `;`, `?` and `#`. Some cut before they decode, and some
 * take all behind a decoded `?` or `#` for no path. None if it is ambiguous.
 */
export function foldedPaths(pathname: string): string[] {
  if (!/[%;]/.test(pathname)) return [pathname];
  const paths = new Set([pathname, pathname.replace(/;[^/]*/g, '')]);
  const texts = [...paths].flatMap((path) => decodeFully(path) ?? []);
  const heads = texts.map((text) => text.replace(/[?#].*$/s, ''));
  return [...new Set([...texts, ...heads])].map((text) => piecesOf(text).join('/'));
}

function piecesOf(decoded: string): string[] {
  return decoded.split(separators).map((piece) => piece.replace(/[;?#].*$/s, '').trim());
}

/** Decodes and folds until nothing changes; undefined if that is ambiguous at any depth. */
function decodeFully(path: string): string | undefined {
  let text = path;
  for (let depth = 0; depth <= maxDecodings; depth++) {
    if (controls.test(text) || /%u/i.test(text)) return undefined;
    const decoded = decodeOnce(text)?.normalize('NFKC');
    if (decoded === undefined || decoded === text) return decoded;
    text = decoded;
  }
  return undefined;
}

/** Undefined for bytes that are not UTF-8. */
function decodeOnce(text: string): string | undefined {
  try {
    return text.replace(/(?:%[0-9a-f]{2})+/gi, decodeURIComponent);
  } catch {
    return undefined;
  }
}
