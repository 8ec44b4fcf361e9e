import ts from 'typescript';

/** One small change of a source file that some test should notice. */
export interface SeededFault {
  /** From the root of the tree. */
  path: string;
  /** From 1. */
  line: number;
  /** Where `before` stands in the text, in UTF-16 units. */
  start: number;
  before: string;
  after: string;
}

const OTHER_OPERATOR: Partial<Record<ts.SyntaxKind, string>> = {
  [ts.SyntaxKind.LessThanToken]: '<=',
  [ts.SyntaxKind.LessThanEqualsToken]: '<',
  [ts.SyntaxKind.GreaterThanToken]: '>=',
  [ts.SyntaxKind.GreaterThanEqualsToken]: '>',
  [ts.SyntaxKind.EqualsEqualsEqualsToken]: '!==',
  [ts.SyntaxKind.ExclamationEqualsEqualsToken]: '===',
  [ts.SyntaxKind.AmpersandAmpersandToken]: '||',
  [ts.SyntaxKind.BarBarToken]: '&&',
  [ts.SyntaxKind.MinusToken]: '+',
  [ts.SyntaxKind.AsteriskToken]: '/',
  [ts.SyntaxKind.SlashToken]: '*',
};

/** Lists every change that `text` allows: each stays valid TypeScript once its types are stripped. */
export function faultsIn(path: string, text: string): SeededFault[] {
  const source = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true);
  const faults: SeededFault[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isTypeNode(node) || ts.isInterfaceDeclaration(node) || ts.isTypeAliasDeclaration(node)) return;
    for (const [at, after] of changesOf(node)) {
      const start = at.getStart(source);
      const line = source.getLineAndCharacterOfPosition(start).line + 1;
      faults.push({ path, line, start, before: at.getText(source), after });
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return faults;
}

/** Returns the text with the fault in it. */
export function withFault(text: string, { start, before, after }: SeededFault): string {
  return text.slice(0, start) + after + text.slice(start + before.length);
}

/** Returns the changes that this node allows. */
function changesOf(node: ts.Node): [at: ts.Node, after: string][] {
  if (ts.isBinaryExpression(node)) {
    const other = OTHER_OPERATOR[node.operatorToken.kind];
    return other === undefined ? [] : [[node.operatorToken, other]];
  }
  if (ts.isPrefixUnaryExpression(node) && node.operator === ts.SyntaxKind.ExclamationToken)
    return [[node, node.operand.getText()]];
  if (ts.isIfStatement(node)) return [[node.expression, 'false']];
  if (ts.isConditionalExpression(node)) return [[node.condition, 'true']];
  if (ts.isNumericLiteral(node)) return [[node, String(Number(node.getText().replaceAll('_', '')) + 1)]];
  if (ts.isReturnStatement(node) && node.expression && node.expression.getText() !== 'undefined')
    return [[node, 'return;']];
  // What is returned is awaited by the caller anyway.
  if (ts.isAwaitExpression(node) && !ts.isReturnStatement(node.parent))
    return [[node, `(${node.expression.getText()})`]];
  return [];
}
