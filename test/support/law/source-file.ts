import { posix } from 'node:path';
import ts from 'typescript';

/** One module that a file names. */
interface Import {
  /** A path from the project's root, or the name of a package. */
  target: string;
  /** Erased before anything runs. `import { type A }` is not: it still loads the module. */
  typeOnly: boolean;
}

/** What the laws ask of a file. */
export interface SourceFile {
  path: string;
  imports: Import[];
  hasDefaultExport: boolean;
  /** Whether anything waits: an async function, an await, a then. */
  waits: boolean;
  readsEnvironment: boolean;
  lines: number;
  /** The comments before the first statement. */
  preamble: string;
}

/** Reads a file with the compiler's own parser; `path` is relative to the project's root. */
export function readSource(path: string, text: string): SourceFile {
  const source = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true);
  const file: SourceFile = {
    path,
    imports: [],
    hasDefaultExport: false,
    waits: false,
    readsEnvironment: false,
    lines: text.trimEnd().split('\n').length,
    preamble: text.slice(0, source.statements[0]?.getStart() ?? 0),
  };
  visit(source, file);
  return file;
}

function visit(node: ts.Node, file: SourceFile): void {
  const named = importOf(node, file.path);
  if (named) file.imports.push(named);
  file.hasDefaultExport ||= isDefaultExport(node);
  file.waits ||= ts.isAwaitExpression(node) || node.kind === ts.SyntaxKind.AsyncKeyword;
  file.readsEnvironment ||=
    ts.isPropertyAccessExpression(node) && /^process\s*\.\s*env$/.test(node.getText());
  ts.forEachChild(node, (child) => visit(child, file));
}

function importOf(node: ts.Node, path: string): Import | undefined {
  if (ts.isImportDeclaration(node))
    return toImport(
      path,
      node.moduleSpecifier,
      node.importClause?.phaseModifier === ts.SyntaxKind.TypeKeyword,
    );
  if (ts.isExportDeclaration(node) && node.moduleSpecifier)
    return toImport(path, node.moduleSpecifier, node.isTypeOnly);
  if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword)
    return toImport(path, node.arguments[0], false);
  if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument))
    return toImport(path, node.argument.literal, true);
  return undefined;
}

function toImport(path: string, specifier: ts.Node | undefined, typeOnly: boolean): Import | undefined {
  if (!specifier || !ts.isStringLiteralLike(specifier)) return undefined;
  const { text } = specifier;
  const target = text.startsWith('.') ? posix.join(posix.dirname(path), text) : text;
  return { target, typeOnly };
}

function isDefaultExport(node: ts.Node): boolean {
  if (ts.isExportAssignment(node)) return true;
  return node.kind === ts.SyntaxKind.DefaultKeyword && ts.canHaveModifiers(node.parent);
}

/** A circle of imports, those of types as well, as the files on it; undefined when there is none. */
export function findCycle(files: SourceFile[]): string[] | undefined {
  const targets = new Map(files.map(({ path, imports }) => [path, imports.map(({ target }) => target)]));
  const done = new Set<string>();
  const search = (path: string, trail: string[]): string[] | undefined => {
    if (trail.includes(path)) return [...trail.slice(trail.indexOf(path)), path];
    if (done.has(path)) return undefined;
    done.add(path);
    for (const target of targets.get(path) ?? []) {
      const cycle = search(target, [...trail, path]);
      if (cycle) return cycle;
    }
    return undefined;
  };
  for (const path of targets.keys()) {
    const cycle = search(path, []);
    if (cycle) return cycle;
  }
  return undefined;
}
