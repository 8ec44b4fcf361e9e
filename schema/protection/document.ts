import {
  type DocumentNode,
  type FieldNode,
  type FragmentDefinitionNode,
  type GraphQLError,
  Kind,
  Lexer,
  type ParseOptions,
  parse,
  type SelectionSetNode,
  Source,
  TokenKind,
} from 'graphql';
import { exceeded, LIMITS } from './excess.ts';

const OPENING: ReadonlySet<TokenKind> = new Set([TokenKind.BRACE_L, TokenKind.BRACKET_L, TokenKind.PAREN_L]);
const CLOSING: ReadonlySet<TokenKind> = new Set([TokenKind.BRACE_R, TokenKind.BRACKET_R, TokenKind.PAREN_R]);

/**
 * Parses a document whose size says what it costs to parse, validate and weigh.
 * @throws GraphQLError LIMIT_EXCEEDED for one that is longer, deeper or more repetitive than anybody needs.
 */
export function parseModest(source: string | Source, options?: ParseOptions): DocumentNode {
  const text = typeof source === 'string' ? new Source(source) : source;
  requireShallow(text);
  const document = parse(text, options);
  requireFewFields(document);
  return document;
}

/** The parser calls itself for each bracket, so it is asked only when they are few. */
function requireShallow(source: Source): void {
  const lexer = new Lexer(source);
  let [tokens, depth] = [0, 0];
  for (let { kind } = lexer.advance(); kind !== TokenKind.EOF; { kind } = lexer.advance()) {
    tokens += 1;
    if (OPENING.has(kind)) depth += 1;
    if (CLOSING.has(kind)) depth -= 1;
    if (tokens > LIMITS.tokens) throw tooMany('tokens');
    if (depth > LIMITS.brackets) throw tooMany('brackets');
  }
}

/**
 * A few fragments that each name the next one twice stand for more fields than there are atoms, and fields of
 * one name in one place are compared with each other: both are counted before anything walks through them.
 */
function requireFewFields({ definitions }: DocumentNode): void {
  const fragments = new Map<string, FragmentDefinitionNode>();
  for (const definition of definitions)
    if (definition.kind === Kind.FRAGMENT_DEFINITION) fragments.set(definition.name.value, definition);
  const countOf = fieldCounter(fragments);
  for (const definition of definitions) {
    if (!('selectionSet' in definition)) continue;
    if (countOf(definition.selectionSet) > LIMITS.cost) throw tooMany('cost');
    if (countPairs([definition.selectionSet], fragments) > LIMITS.pairs) throw tooMany('pairs');
  }
}

/** Counts fields as if each fragment were written out; each fragment is looked at once. */
function fieldCounter(fragments: ReadonlyMap<string, FragmentDefinitionNode>) {
  const known = new Map<string, number>();
  function countFragment(name: string): number {
    const counted = known.get(name);
    if (counted !== undefined) return counted;
    // One that leads back to itself counts as nothing here: validation refuses it by name.
    known.set(name, 0);
    const fragment = fragments.get(name);
    const count = fragment ? 1 + countSet(fragment.selectionSet) : 0;
    known.set(name, count);
    return count;
  }
  function countSet({ selections }: SelectionSetNode): number {
    return selections.reduce((sum, selection) => {
      if (selection.kind === Kind.FRAGMENT_SPREAD) return sum + countFragment(selection.name.value);
      return sum + 1 + (selection.selectionSet ? countSet(selection.selectionSet) : 0);
    }, 0);
  }
  return countSet;
}

type Fragments = ReadonlyMap<string, FragmentDefinitionNode>;

/** How many pairs of fields share a name in one place, in the given selections and everywhere below them. */
function countPairs(
  sets: readonly SelectionSetNode[],
  fragments: Fragments,
  above: ReadonlySet<string> = new Set(),
): number {
  const seen = new Set(above);
  const byName = Map.groupBy(
    sets.flatMap((set) => fieldsOf(set, fragments, seen)),
    ({ alias, name }) => (alias ?? name).value,
  );
  let pairs = 0;
  for (const fields of byName.values()) {
    pairs += (fields.length * (fields.length - 1)) / 2;
    if (pairs > LIMITS.pairs) break;
    const below = fields.flatMap(({ selectionSet }) => selectionSet ?? []);
    if (below.length > 0) pairs += countPairs(below, fragments, seen);
  }
  return pairs;
}

/** The fields of one place, those of its fragments included; each fragment once. */
function fieldsOf({ selections }: SelectionSetNode, fragments: Fragments, seen: Set<string>): FieldNode[] {
  return selections.flatMap((selection): FieldNode[] => {
    if (selection.kind === Kind.FIELD) return [selection];
    if (selection.kind === Kind.INLINE_FRAGMENT) return fieldsOf(selection.selectionSet, fragments, seen);
    const { value } = selection.name;
    const fragment = seen.has(value) ? undefined : fragments.get(value);
    seen.add(value);
    return fragment ? fieldsOf(fragment.selectionSet, fragments, seen) : [];
  });
}

const NAMES = {
  tokens: 'tokens',
  brackets: 'brackets within each other',
  cost: 'fields',
  pairs: 'fields that repeat each other',
} as const;

function tooMany(what: keyof typeof NAMES): GraphQLError {
  return exceeded(`The operation has more ${NAMES[what]} than the ${LIMITS[what]} allowed.`);
}
