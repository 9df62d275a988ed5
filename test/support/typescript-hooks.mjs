// Lets a child process of a test run TypeScript files as they are: `node --import ./test/support/typescript.mjs file.ts`.
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import ts from "typescript";

const compilerOptions = {
  target: ts.ScriptTarget.ES2023,
  module: ts.ModuleKind.ESNext,
  verbatimModuleSyntax: true,
  inlineSourceMap: true,
};

/** A loader hook of Node: what `tsc` would have written, without its checks. */
export async function load(url, context, next) {
  if (!url.endsWith(".ts")) return next(url, context);
  const source = await readFile(fileURLToPath(url), "utf8");
  const { outputText } = ts.transpileModule(source, { fileName: fileURLToPath(url), compilerOptions });
  return { format: "module", shortCircuit: true, source: outputText };
}
