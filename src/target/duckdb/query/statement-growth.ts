import { guardedFunctions } from "./reader-functions.ts";
import { refuse, type TreeNode } from "./statement-check.ts";
import { elementSize, grown, type Argument } from "./value-growth.ts";

/** Nodes of a statement after every name in it is replaced by what it refers to: DuckDB does that when it binds. */
const nodesMax = 100_000;
/** Estimated bytes of all values of a row while it is computed: DuckDB computes 2,048 rows in one step. */
const rowBytesMax = 524_288;
const columnsMax = 20_000;
/** Estimates; the second is for tables about which the statement says nothing. */
const columnBytes = 64;
const tableColumns = 50;

/** The expanded size of an expression. */
interface Measure {
  readonly nodes: number;
  readonly size: number;
}

/** The expanded size of a query, or of an item in a FROM. */
interface Source {
  /** By lower-case name. */
  readonly columns: ReadonlyMap<string, Measure>;
  /** For columns that have another name. */
  readonly other: Measure;
  readonly width: number;
  readonly nodes: number;
}

type Sources = ReadonlyMap<string, Source>;

const column: Measure = { nodes: 1, size: columnBytes };
const table: Source = { columns: new Map(), other: column, width: tableColumns, nodes: 1 };
const nothing: Source = { columns: new Map(), other: { nodes: 1, size: 1 }, width: 0, nodes: 1 };

/**
 * Refuses a small query that expands to a huge one, which DuckDB could not stop: `a || a AS b, b || b AS c, …`, and the
 * same with subqueries, common table expressions, lambdas, `*, *`, or functions that produce long results.
 */
export function checkGrowth(query: TreeNode): void {
  new Growth(new Map()).query(query);
}

class Growth {
  readonly #named: Sources;

  constructor(named: Sources) {
    this.#named = named;
  }

  query(node: TreeNode): Source {
    const named = new Map(this.#named);
    for (const { key, value } of partsOf(partOf(node, "cte_map"), "map")) {
      const source = new Growth(named).query(partOf(partOf(value as TreeNode, "query"), "node"));
      named.set(
        String(key).toLowerCase(),
        partsOf(value as TreeNode, "aliases").length > 0 ? unnamed(source) : source,
      );
    }
    const inner = new Growth(named);
    switch (node["type"]) {
      case "SELECT_NODE":
        return inner.#select(node);
      case "SET_OPERATION_NODE":
        return unnamed(joined(inner.#sides(node)));
      case "RECURSIVE_CTE_NODE":
        return inner.#recursive(node);
      default:
        return unnamed(joined(inner.#sides(node)));
    }
  }

  #sides(node: TreeNode): Source[] {
    const sides = [
      ...partsOf(node, "children"),
      partOf(node, "left"),
      partOf(node, "right"),
      partOf(node, "query"),
      partOf(node, "child"),
    ];
    return sides.filter((side) => side["type"] !== undefined).map((side) => this.query(side));
  }

  #recursive(node: TreeNode): Source {
    const start = unnamed(this.query(partOf(node, "left")));
    const named = new Map([...this.#named, [String(node["cte_name"]).toLowerCase(), start]]);
    return unnamed(joined([start, new Growth(named).query(partOf(node, "right"))]));
  }

  #select(node: TreeNode): Source {
    const from = this.#from(partOf(node, "from_table"));
    const scope = new Scope(this, from);
    let { nodes } = from;
    let width = 0;
    const columns = new Map<string, Measure>();
    for (const part of partsOf(node, "select_list")) {
      const measure = scope.measure(part);
      nodes += measure.nodes;
      width += hasStar(part) ? from.width : 1;
      if (part["class"] === "STAR")
        for (const [name, each] of from.columns) columns.set(name, larger(columns.get(name), each));
      else {
        const name = nameOf(part);
        columns.set(name, larger(columns.get(name), measure));
        scope.name(name, measure);
      }
    }
    const { select_list: _list, from_table: _from, cte_map: _ctes, ...rest } = node;
    nodes += scope.rest(rest).nodes;
    return checked({ columns, other: from.other, width, nodes });
  }

  #from(node: TreeNode): Source {
    const source = this.#source(node);
    return partsOf(node, "column_name_alias").length > 0 ? unnamed(source) : source;
  }

  #source(node: TreeNode): Source {
    switch (node["type"]) {
      case "BASE_TABLE":
        if (node["schema_name"] !== undefined) return table;
        return this.#named.get(String(node["table_name"]).toLowerCase()) ?? table;
      case "SUBQUERY":
        return this.query(partOf(partOf(node, "subquery"), "node"));
      case "SHOW_REF":
        return node["query"] === undefined ? table : unnamed(this.query(partOf(node, "query")));
      case "JOIN":
        return this.#join(node);
      case "PIVOT":
        return this.#pivot(node);
      default: {
        // VALUES, or a table function with some arguments.
        const { nodes, size } = new Scope(this, nothing).rest(node);
        return { columns: new Map(), other: { nodes: 1, size: size + columnBytes }, width: 4, nodes };
      }
    }
  }

  #join(node: TreeNode): Source {
    const both = joined([this.#from(partOf(node, "left")), this.#from(partOf(node, "right"))]);
    const { nodes } = new Scope(this, both).measure(partOf(node, "condition"));
    return checked({ ...both, nodes: both.nodes + nodes });
  }

  #pivot(node: TreeNode): Source {
    const source = unnamed(this.#from(partOf(node, "source")));
    const { source: _source, ...rest } = node;
    const { nodes } = new Scope(this, source).rest(rest);
    const cells = partsOf(node, "pivots").reduce(
      (all, pivot) => all * Math.max(1, partsOf(pivot, "entries").length),
      1,
    );
    const width = source.width + cells * Math.max(1, partsOf(node, "aggregates").length);
    return checked({ ...source, width, nodes: source.nodes + nodes });
  }
}

/** Measures the expressions of one SELECT. */
class Scope {
  readonly #growth: Growth;
  readonly #from: Source;
  readonly #aliases = new Map<string, Measure>();
  #bytes = 0;

  constructor(growth: Growth, from: Source, aliases: ReadonlyMap<string, Measure> = new Map()) {
    this.#growth = growth;
    this.#from = from;
    for (const [name, measure] of aliases) this.#aliases.set(name, measure);
  }

  /** Makes the name available to later expressions. */
  name(name: string, measure: Measure): void {
    this.#aliases.set(name, larger(this.#aliases.get(name), measure));
  }

  measure(node: TreeNode): Measure {
    const measure = this.#measure(node);
    if (measure.nodes > nodesMax) refuse("The statement becomes too large when its names are resolved.");
    // What is written in the statement exists anyway, and a column's value belongs to another expression.
    if (["FUNCTION", "CAST", "OPERATOR"].includes(String(node["class"]))) this.#bytes += measure.size;
    if (this.#bytes > rowBytesMax) refuse("The statement could make values that are too large.");
    return measure;
  }

  /** Everything else in a SELECT. */
  rest(node: object): Measure {
    return sumOf(this.#children(node));
  }

  #measure(node: TreeNode): Measure {
    switch (node["class"]) {
      case "CONSTANT":
        return { nodes: 1, size: String(constantOf(node)).length };
      case "COLUMN_REF":
        return this.#column(node);
      case "STAR":
        return larger(sumOf(this.#children(node)), largest(this.#from));
      case "COMPARISON":
      case "CONJUNCTION":
      case "BETWEEN":
        return { nodes: sumOf(this.#children(node)).nodes, size: 1 };
      case "OPERATOR":
        return this.#operator(node);
      case "CAST":
        return this.#cast(node);
      case "SUBQUERY":
        return this.#subquery(node);
      case "FUNCTION":
      case "WINDOW":
        return this.#function(node);
      default:
        return sumOf(this.#children(node));
    }
  }

  #operator(node: TreeNode): Measure {
    const sum = sumOf(this.#children(node));
    return /^(COMPARE|OPERATOR_(NOT|IS))/.test(String(node["type"])) ? { ...sum, size: 1 } : sum;
  }

  #cast(node: TreeNode): Measure {
    const { nodes, size } = this.measure(partOf(node, "child"));
    return { nodes: nodes + 1, size: size * 2 + elementSize };
  }

  #subquery(node: TreeNode): Measure {
    const source = this.#growth.query(partOf(partOf(node, "subquery"), "node"));
    const { nodes } = this.measure(partOf(node, "child"));
    return { nodes: source.nodes + nodes, size: largest(source).size };
  }

  #column(node: TreeNode): Measure {
    const names = (node["column_names"] as readonly string[]).map((name) => name.toLowerCase());
    const found = names.flatMap((name) =>
      [this.#from.columns.get(name) ?? [], this.#aliases.get(name) ?? []].flat(),
    );
    return found.reduce(larger, found.length === 0 ? this.#from.other : { nodes: 1, size: 1 });
  }

  #function(node: TreeNode): Measure {
    const name = String(node["function_name"]).toLowerCase();
    const { children: _children, ...others } = node;
    const parts = partsOf(node, "children");
    const measures = parts.map((part) => this.#argument(part, parts));
    // Guards are macros, which repeat their arguments.
    const weight = guardedFunctions.has(name) ? 3 : 1;
    const nodes = 1 + weight * sumOf(measures).nodes + sumOf(this.#children(others)).nodes;
    const [list] = measures;
    const lambda = parts.findIndex((part) => part["class"] === "LAMBDA");
    if (lambda >= 0)
      return { nodes, size: ((list?.size ?? 0) / elementSize + 1) * (measures[lambda]?.size ?? 0) };
    const args: Argument[] = measures.map(({ size }, index) => ({
      size,
      constant: constantOf(parts[index] ?? {}),
    }));
    return { nodes, size: node["class"] === "WINDOW" ? columnBytes : grown(name, args) };
  }

  /** The parameters of a lambda are elements of the list before it, or the lambda's previous result. */
  #argument(part: TreeNode, [list = {}]: readonly TreeNode[]): Measure {
    if (part["class"] !== "LAMBDA") return this.measure(part);
    const element = this.#measure(list);
    const names = lambdaNames(partOf(part, "lhs"));
    const bound = names.map((name) => [name, { nodes: 1, size: element.size }] as const);
    const body = new Scope(this.#growth, this.#from, new Map([...this.#aliases, ...bound])).measure(
      partOf(part, "expr"),
    );
    // With two parameters, one may be the lambda's result for the previous elements: that must not grow with each.
    const isGrowing = names.length > 1 && body.size > 2 * element.size + columnBytes;
    return isGrowing ? { ...body, size: Number.POSITIVE_INFINITY } : body;
  }

  #children(node: object): Measure[] {
    return Object.values(node).flatMap((child: unknown) => {
      if (typeof child !== "object" || child === null) return [];
      if (typeof (child as TreeNode)["class"] === "string") return [this.measure(child as TreeNode)];
      return this.#children(child);
    });
  }
}

function lambdaNames(node: TreeNode): string[] {
  if (node["class"] === "COLUMN_REF")
    return (node["column_names"] as readonly string[]).map((name) => name.toLowerCase());
  return partsOf(node, "children").flatMap(lambdaNames);
}

function partOf(node: TreeNode, name: string): TreeNode {
  const part = node[name];
  return typeof part === "object" && part !== null ? (part as TreeNode) : {};
}

function partsOf(node: TreeNode, name: string): readonly TreeNode[] {
  const parts = node[name];
  return Array.isArray(parts) ? (parts as TreeNode[]) : [];
}

function constantOf(node: TreeNode): unknown {
  return node["class"] === "CONSTANT" ? (partOf(node, "value")["value"] ?? "") : undefined;
}

function nameOf(node: TreeNode): string {
  const names = node["column_names"] as readonly string[] | undefined;
  const { alias, function_name: called } = node;
  return [alias, names?.at(-1), called].find((name) => typeof name === "string")?.toLowerCase() ?? "";
}

function hasStar(node: TreeNode): boolean {
  if (node["class"] === "STAR") return true;
  return Object.values(node).some(
    (child) => typeof child === "object" && child !== null && hasStar(child as TreeNode),
  );
}

function larger(a: Measure | undefined, b: Measure): Measure {
  return { nodes: Math.max(a?.nodes ?? 0, b.nodes), size: Math.max(a?.size ?? 0, b.size) };
}

function sumOf(measures: readonly Measure[]): Measure {
  let [nodes, size] = [1, 1];
  for (const measure of measures) {
    nodes += measure.nodes;
    size += measure.size;
  }
  return { nodes, size };
}

function largest({ columns, other }: Source): Measure {
  return [...columns.values()].reduce(larger, other);
}

/** The same source with columns that have other names. */
function unnamed(source: Source): Source {
  return { ...source, columns: new Map(), other: largest(source) };
}

function joined(sources: readonly Source[]): Source {
  const columns = new Map<string, Measure>();
  let { other, width, nodes } = nothing;
  for (const source of sources) {
    for (const [name, measure] of source.columns) columns.set(name, larger(columns.get(name), measure));
    other = larger(other, source.other);
    width += source.width;
    nodes += source.nodes;
  }
  return checked({ columns, other, width, nodes });
}

function checked(source: Source): Source {
  if (source.width > columnsMax) refuse("The statement makes too many columns.");
  if (source.nodes > nodesMax) refuse("The statement becomes too large when its names are resolved.");
  return source;
}
