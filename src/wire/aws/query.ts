import { unreachable } from "../../base/assert.ts";
import { AwsError } from "./error.ts";
import type { ListShape, MapShape, Shape, StringShape, StructureShape, ValueOf } from "./shape.ts";
import { stringFault } from "./string.ts";
import type { FormParameter } from "./form.ts";

/** Dotted names as a tree: `Tags.Tag.1.Key=a` is a value four steps down. */
export interface ParameterTree {
  readonly value: string | undefined;
  readonly children: ReadonlyMap<string, ParameterTree>;
}

const depthMax = 10;

/** Sorts parameters into a tree. A duplicate name is refused: it is not clear which one is meant. */
export function parameterTree(parameters: readonly FormParameter[]): ParameterTree {
  const root: GrowingTree = { value: undefined, children: new Map() };
  for (const { name, value } of parameters) plant(root, name, value);
  return root;
}

interface GrowingTree extends ParameterTree {
  value: string | undefined;
  children: Map<string, GrowingTree>;
}

function plant(root: GrowingTree, name: string, value: string): void {
  const steps = name.split(".", depthMax + 1);
  if (steps.length > depthMax)
    throw new AwsError("ValidationError", `A parameter's name has more than ${depthMax} parts.`);
  let tree = root;
  for (const step of steps) {
    let next = tree.children.get(step);
    if (next === undefined) tree.children.set(step, (next = { value: undefined, children: new Map() }));
    tree = next;
  }
  if (tree.value !== undefined)
    throw new AwsError("ValidationError", `The parameter ${printable(name)} is given twice.`);
  tree.value = value;
}

/**
 * The input of an operation. Throws `AwsError`: `MissingParameter`; `InvalidParameterValue` for a value of the wrong
 * length, alphabet or type; `ValidationError` for a structure that does not fit.
 *
 * A parameter that the shape does not define is ignored, at every level, as AWS's Query services do: clients newer than
 * the service send parameters that it does not know. (Only EC2 returns `UnknownParameter`.)
 */
export function parseInput<S extends StructureShape>(shape: S, tree: ParameterTree): ValueOf<S> {
  return structure(shape, tree, "") as ValueOf<S>;
}

function parse(shape: Shape, tree: ParameterTree, path: string): unknown {
  switch (shape.kind) {
    case "string":
      return string(shape, scalar(tree, path), path);
    case "integer":
      return integer(scalar(tree, path), path);
    case "boolean":
      return boolean(scalar(tree, path), path);
    case "timestamp":
      return timestamp(scalar(tree, path), path);
    case "list":
      return list(shape, tree, path);
    case "map":
      return map(shape, tree, path);
    case "structure":
      return structure(shape, tree, path);
    default:
      return unreachable(shape);
  }
}

function structure(shape: StructureShape, tree: ParameterTree, path: string): unknown {
  if (tree.value !== undefined) throw misfit(path, "a structure");
  const value: Record<string, unknown> = {};
  for (const [name, member] of Object.entries(shape.required)) {
    const child = tree.children.get(name);
    if (child === undefined) throw missing(join(path, name));
    value[name] = parse(member, child, join(path, name));
  }
  for (const [name, member] of Object.entries(shape.optional)) {
    const child = tree.children.get(name);
    if (child !== undefined) value[name] = parse(member, child, join(path, name));
  }
  return value;
}

function scalar(tree: ParameterTree, path: string): string {
  if (tree.value === undefined || tree.children.size > 0) throw misfit(path, "a single value");
  return tree.value;
}

function string(shape: StringShape, value: string, path: string): string {
  const fault = stringFault(shape, value);
  if (fault !== undefined) throw invalid(path, fault);
  return value;
}

function integer(value: string, path: string): number {
  const number = /^[+-]?\d{1,10}$/.test(value) ? Number(value) : Number.NaN;
  if (!(Math.abs(number) <= 0x7fff_ffff)) throw invalid(path, "it must be an integer");
  return number;
}

function boolean(value: string, path: string): boolean {
  const word = value.toLowerCase();
  if (word !== "true" && word !== "false") throw invalid(path, "it must be true or false");
  return word === "true";
}

function timestamp(value: string, path: string): Date {
  const form = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:\d\d)$/;
  const date = new Date(form.test(value) ? value : Number.NaN);
  if (Number.isNaN(date.getTime()))
    throw invalid(path, "it must be a timestamp such as 2026-01-31T12:00:00Z");
  return date;
}

function list(shape: ListShape, tree: ParameterTree, path: string): unknown[] {
  // `member` is the protocol's own word, which some clients use for every list.
  const { inner, name } = numbered(tree, path, [...new Set([shape.memberName, "member"])]);
  if (inner.length > shape.lengthMax) throw invalid(path, `it must have at most ${shape.lengthMax} members`);
  return inner.map(([number, child]) => parse(shape.member, child, `${path}.${name}.${number}`));
}

function map(shape: MapShape, tree: ParameterTree, path: string): Readonly<Record<string, string>> {
  const { inner } = numbered(tree, path, ["entry"]);
  if (inner.length > shape.lengthMax) throw invalid(path, `it must have at most ${shape.lengthMax} entries`);
  const entries = inner.map(([number, entry]) => {
    const part = (name: "key" | "value"): string => {
      const at = `${path}.entry.${number}.${name}`;
      const child = entry.children.get(name);
      if (child === undefined) throw missing(at);
      return string(shape[name], scalar(child, at), at);
    };
    return [part("key"), part("value")] as const;
  });
  if (new Set(entries.map(([key]) => key)).size < entries.length)
    throw invalid(path, "it must not have the same key twice");
  return Object.fromEntries(entries);
}

interface Numbered {
  readonly name: string;
  /** Ordered by number; a gap is not an error. */
  readonly inner: readonly (readonly [number, ParameterTree])[];
}

function numbered(tree: ParameterTree, path: string, names: readonly string[]): Numbered {
  const found = names.filter((name) => tree.children.has(name));
  const [name = "", second] = found;
  const list = tree.children.get(name);
  // SDKs write an empty list as `Tags=`.
  if (list === undefined && tree.value === "" && tree.children.size === 0) return { name, inner: [] };
  if (list === undefined || second !== undefined || tree.value !== undefined || list.value !== undefined)
    throw misfit(path, `a list such as ${path}.${names[0]}.1`);
  const inner = [...list.children].map(([number, child]) => {
    if (!/^[1-9]\d{0,5}$/.test(number)) throw misfit(path, `a list such as ${path}.${name}.1`);
    return [Number(number), child] as const;
  });
  return { name, inner: inner.toSorted(([a], [b]) => a - b) };
}

function join(path: string, name: string): string {
  return path === "" ? name : `${path}.${name}`;
}

function missing(path: string): AwsError {
  return new AwsError("MissingParameter", `The request must contain the parameter ${path}.`);
}

// The value itself is omitted: it may be a megabyte of anything.
function invalid(path: string, rule: string): AwsError {
  return new AwsError("InvalidParameterValue", `The value of the parameter ${path} is not valid: ${rule}.`);
}

function misfit(path: string, wanted: string): AwsError {
  return new AwsError("ValidationError", `The parameter ${path} must be ${wanted}.`);
}

function printable(name: string): string {
  return name.slice(0, 80).replaceAll(/[^\x20-\x7e]/g, "?");
}
