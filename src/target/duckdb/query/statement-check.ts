import { CodedError } from "../../../base/errors.ts";
import type { NamedTable } from "./statement-databases.ts";
import { guardedFunctions, refusedViews, useOf } from "./reader-functions.ts";

/** A node of DuckDB's parse tree, as `json_serialize_sql` writes it. */
export type TreeNode = { readonly [name: string]: unknown };

/** A list of values in the tree is also a part. */
type TreePart = TreeNode | readonly unknown[];

/** Classes of expressions. */
const expressions = new Set([
  "BETWEEN",
  "CASE",
  "CAST",
  "COLLATE",
  "COLUMN_REF",
  "COMPARISON",
  "CONJUNCTION",
  "CONSTANT",
  "FUNCTION",
  "LAMBDA",
  "OPERATOR",
  "POSITIONAL_REFERENCE",
  "STAR",
  "SUBQUERY",
  "WINDOW",
]);

/** Types of queries, of items in a FROM, and of query modifiers. */
const structures = new Set([
  "SELECT_NODE",
  "SET_OPERATION_NODE",
  "RECURSIVE_CTE_NODE",
  "CTE_NODE",
  "BASE_TABLE",
  "EMPTY",
  "EXPRESSION_LIST",
  "JOIN",
  "PIVOT",
  "SHOW_REF",
  "SUBQUERY",
  "TABLE_FUNCTION",
  "DISTINCT_MODIFIER",
  "LIMIT_MODIFIER",
  "LIMIT_PERCENT_MODIFIER",
  "ORDER_MODIFIER",
]);

const orders = new Set(["ASCENDING", "DESCENDING", "ORDER_DEFAULT"]);
const typeInfo = /_TYPE_INFO$/;

/** For deeper expressions DuckDB takes time that grows with the cube of their depth. */
const depthMax = 250;
const nodesMax = 50_000;
/** With many more joins DuckDB's optimizer runs for minutes, during which it cannot be stopped. */
const joinsMax = 64;

/** Refuses a query that contains anything not known to be read-only. Returns the tables that it names. */
export function checkQuery(query: TreeNode): NamedTable[] {
  const check = new QueryCheck();
  check.visit(query, 0);
  return check.tables;
}

/** Whether the name could be the path of a file, which DuckDB reads if no such table exists. */
export function isPath({ catalog, schema, table }: NamedTable): boolean {
  return /[/\\]/.test(`${catalog}${schema}${table}`);
}

class QueryCheck {
  readonly tables: NamedTable[] = [];
  #nodes = 0;
  #joins = 0;

  visit(part: TreePart, depth: number): void {
    const isNode = !Array.isArray(part);
    if (isNode) this.#check(part as TreeNode, depth);
    for (const child of Object.values(part))
      if (typeof child === "object" && child !== null)
        this.visit(child as TreePart, isNode ? depth + 1 : depth);
  }

  #check(node: TreeNode, depth: number): void {
    this.#nodes += 1;
    if (this.#nodes > nodesMax) refuse("The statement has too many parts.");
    if (depth > depthMax) refuse("The statement is nested too deeply.");
    const { class: kind, type, function_name: name } = node;
    if (kind === "PARAMETER") refuse("Parameters are not possible here.");
    if (typeof kind === "string" && !expressions.has(kind)) refuse(`${kind} is not available here.`);
    if (kind === undefined && typeof type === "string" && !isStructure(type))
      refuse(`${type} is not available here.`);
    if (typeof name === "string") checkFunction(name, node);
    if (type === "JOIN") this.#joins += 1;
    if (this.#joins > joinsMax) refuse(`The statement has more than ${joinsMax} joins.`);
    if (type === "BASE_TABLE") this.#checkTable(node);
  }

  #checkTable({ catalog_name: catalog = "", schema_name: schema = "", table_name: table }: TreeNode): void {
    if (refusedViews.has(String(table).toLowerCase()))
      refuse(`The view ${String(table)} is not available here.`);
    this.tables.push({ catalog: String(catalog), schema: String(schema), table: String(table) });
  }
}

function isStructure(type: string): boolean {
  return structures.has(type) || orders.has(type) || typeInfo.test(type);
}

function checkFunction(name: string, node: TreeNode): void {
  if (useOf(name) !== "allowed") refuse(`The function ${name} is not available here.`);
  if (/^(format|printf)$/i.test(name)) checkFormat(name, node);
  if (node["export_state"] === true) refuse("EXPORT_STATE is not available here.");
  const isQualified = node["schema"] !== undefined || node["catalog"] !== undefined;
  // Its guard is found by the unqualified name alone.
  if (isQualified && guardedFunctions.has(name.toLowerCase()))
    refuse(`Call ${name} as ${name}(…), without a schema or an argument before it.`);
}

const specification = { format: /\{[^}]*\}/g, printf: /%[^A-Za-z%]*[A-Za-z%]?/g } as const;

/** Widths and precisions produce long results from short values, so they must be constant and short. */
function checkFormat(name: string, { children }: TreeNode): void {
  const [first] = Array.isArray(children) ? (children as TreeNode[]) : [];
  const { value } = (first?.["value"] ?? {}) as TreeNode;
  if (first?.["class"] !== "CONSTANT" || typeof value !== "string")
    return refuse(`The format of ${name} must be a text in quotes.`);
  const found = value.match(specification[name.toLowerCase() === "format" ? "format" : "printf"]) ?? [];
  if (found.length > 100 || found.some((each) => /\d{4}|\*|\{.*\{/.test(each)))
    refuse(`The format of ${name} must have at most 100 fields, with widths of at most 999.`);
}

export function refuse(message: string): never {
  throw new CodedError("QUERY_FAILED", message);
}
