import { errorTable } from '../../shared/errors.ts';
import type { Source } from './sources.ts';

/** A function that makes errors: where among its arguments the reason stands, and the code. */
interface Maker {
  readonly name: string;
  readonly path: string;
  readonly exported: boolean;
  readonly reasonAt: number;
  /** Undefined if the code is the first argument. */
  readonly code: string | undefined;
}

/** A reason and the code that it is said with. */
export interface Reason {
  readonly code: string;
  readonly reason: string;
  readonly path: string;
}

/** The reasons there are those of rows that are not taken over, which no service answers with. */
const ofRows = 'keyserver/operations/legacy/';
const codes = Object.keys(errorTable);
/** The literals that an argument may be: one, or either of a condition's two. */
const literals = /(?:^|[?:] )'([a-z0-9_]+)'(?=$| :)/g;
const definition =
  /(export )?(?:function (\w+)\(([^()]*)\)[^{]*\{|const (\w+) = \(([^()]*)\)[^=]*=>)/g;

/**
 * The reasons that the sources' text has: `reason: '…'` beside the code of its ServiceError,
 * arguments of the functions that take one, the table of upstream failures, and the address verdicts.
 */
export function findReasons(all: readonly Source[]): Reason[] {
  const sources = all.filter(({ path }) => !path.startsWith(ofRows));
  const makers = sources.flatMap(findMakers);
  const found = sources.flatMap((source) => [
    ...besideCodes(source),
    ...makers
      .filter((maker) => isCalledIn(maker, source, makers))
      .flatMap((maker) => calls(maker, source)),
    ...tupleReasons(source),
    ...addressVerdicts(source),
  ]);
  const unique = new Map(found.map((each) => [`${each.code} ${each.reason}`, each]));
  return [...unique.values()];
}

function findMakers({ path, text }: Source): Maker[] {
  return [...text.matchAll(definition)].flatMap((match) => {
    const parameters = (match[3] ?? match[5] ?? '').split(',').map((one) => one.trim());
    const reasonAt = parameters.findIndex((parameter) => parameter.startsWith('reason:'));
    if (reasonAt < 0) return [];
    const body = text.slice(match.index + match[0].length, match.index + match[0].length + 200);
    const takesCode = parameters[0]?.startsWith('code') === true;
    const [code] = codes
      .filter((one) => body.includes(`'${one}'`))
      .sort((one, other) => body.indexOf(`'${one}'`) - body.indexOf(`'${other}'`));
    if (code === undefined && !takesCode) throw new Error(`${path}: no code in ${match[0]}`);
    const name = match[2] ?? match[4] ?? '';
    const exported = match[1] !== undefined;
    return [{ name, path, exported, reasonAt, code: takesCode ? undefined : code }];
  });
}

/** A file's own function hides an exported one of the same name. */
function isCalledIn(maker: Maker, { path }: Source, makers: readonly Maker[]): boolean {
  if (maker.path === path) return true;
  return maker.exported && !makers.some((own) => own.path === path && own.name === maker.name);
}

function calls({ name, reasonAt, code }: Maker, { path, text }: Source): Reason[] {
  return [...text.matchAll(new RegExp(`\\b${name}\\(([^()]*)`, 'g'))].flatMap((match) => {
    const values = (match[1] ?? '').split(',').map(literalsOf);
    const said = code ?? values[0]?.[0];
    if (said === undefined) return [];
    return (values[reasonAt] ?? []).map((reason) => ({ code: said, reason, path }));
  });
}

function literalsOf(argument: string): string[] {
  return [...argument.trim().matchAll(literals)].map((match) => match[1] ?? '');
}

function besideCodes({ path, text }: Source): Reason[] {
  return [...text.matchAll(/\breason: '(\w+)'/g)].map((match) => {
    const before = [...text.slice(0, match.index).matchAll(/ServiceError\(\s*'(\w+)'/g)];
    const code = before.at(-1)?.[1];
    if (code === undefined) throw new Error(`${path}: no code before ${match[0]}`);
    return { code, reason: match[1] ?? '', path };
  });
}

function tupleReasons({ path, text }: Source): Reason[] {
  return [...text.matchAll(/\[\s*'(\w+)',\s*'\w+',\s*'(\w+)',?\s*\]/g)].flatMap(
    ([, code = '', reason = '']) => (codes.includes(code) ? [{ code, reason, path }] : []),
  );
}

function addressVerdicts({ path, text }: Source): Reason[] {
  const patterns = path.endsWith('/address-verdict.ts')
    ? [/\[\s*'([a-z][a-z0-9_]*)',\s*'[0-9a-f.:]+\/\d+'/g, /return '(\w+)'/g]
    : [/addressDenied\('(\w+)'\)/g];
  return patterns
    .flatMap((pattern) => [...text.matchAll(pattern)])
    .map((match) => ({ code: 'destination_denied', reason: `address_${match[1]}`, path }));
}
