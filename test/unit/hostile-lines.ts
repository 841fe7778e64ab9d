/** Lines made to keep a pattern busy: what it wants over and over and never quite, and what its classes take. */
import type { Signature } from '../../lab/verdict/signatures/signature.ts';

/** What the classes of patterns take, and what ends none of their repetitions. */
export const FILL: readonly string[] = [' ', '0', 'a', ':', '.', '-', '/', '[', 'a ', '0:', '0x'];

/** More of a signature's literals lead into the pattern no other way. */
const LITERALS = 2;

/** The plain text in a signature's pattern, in its order, and its literals. */
export function wordsOf({ pattern, literals }: Signature): string[] {
  const words = (pattern?.source ?? '')
    .replaceAll(/\(\?(?:<\w+>|<?[=!]|:)/g, '(')
    .replaceAll(/\\[a-zA-Z]|\[(?:\\.|[^\]\\])*\]|\{[^}]*\}/g, '\0')
    .replaceAll(/\\(.)/g, '$1')
    .split(/[\0()|?*+^$]+/);
  return [...new Set([...words, ...literals])].filter((word) => word.length >= 2);
}

export function filled(unit: string, length: number): string {
  return unit.repeat(Math.ceil(length / unit.length)).slice(0, length);
}

/** A literal of the signature before, and after, all that its pattern may like. `line` is one that it takes. */
export function* hostileLines(signature: Signature, line: string, length: number): Generator<string> {
  const words = wordsOf(signature);
  const units = new Set([
    ...FILL,
    ...words,
    words.join(' '),
    words.join(''),
    line.slice(0, -1),
    line.slice(1),
  ]);
  for (const unit of units)
    for (const literal of signature.literals.slice(0, LITERALS)) {
      const fill = filled(unit, length - literal.length);
      yield fill + literal;
      yield literal + fill;
    }
}

/** Nearly what the signature is of, again and again. */
export function* nearMisses({ literals }: Signature, line: string, length: number): Generator<string> {
  for (const literal of literals.slice(0, LITERALS)) {
    const at = Math.max(0, line.indexOf(literal));
    const [before, after] = [line.slice(0, at), line.slice(at + literal.length)];
    for (const unit of [literal, before + literal, `${literal}${after.slice(0, -1)}`])
      yield filled(unit, length);
  }
}
