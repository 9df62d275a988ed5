import { unreachable } from "../../base/assert.ts";
import { AwsError } from "./error.ts";
import type {
  IntegerShape,
  ListShape,
  MapShape,
  Shape,
  StringShape,
  StructureShape,
  ValueOf,
} from "./shape.ts";
import { stringFault } from "./string.ts";
import { InvalidJson, parseJson, type Json, type JsonMapping } from "../json-text.ts";

/**
 * The input of an operation, from the body of a request in the AWS JSON protocol. Throws `AwsError`:
 * `SerializationException` if the body is not JSON or has the wrong type, `ValidationException` if a value is missing
 * or not allowed. A member that the shape does not define is ignored, as in the Query protocol, and null means absent.
 */
export function parseBody<S extends StructureShape>(shape: S, body: Uint8Array): ValueOf<S> {
  // SDKs send `{}`; a request without a body has no members.
  return structure(shape, body.byteLength === 0 ? {} : jsonOf(body), "") as ValueOf<S>;
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function jsonOf(body: Uint8Array): Json {
  try {
    return parseJson(utf8.decode(body));
  } catch (error) {
    const reason = error instanceof InvalidJson ? error.message : "it is not valid UTF-8";
    throw new AwsError("SerializationException", `The body of the request is not valid JSON: ${reason}.`, {
      cause: error,
    });
  }
}

function parse(shape: Shape, value: Json, path: string): unknown {
  switch (shape.kind) {
    case "string":
      return string(shape, value, path);
    case "integer":
      return integer(shape, value, path);
    case "boolean":
      if (typeof value !== "boolean") throw misfit(path, "true or false");
      return value;
    case "timestamp":
      return timestamp(value, path);
    case "list":
      return list(shape, value, path);
    case "map":
      return map(shape, value, path);
    case "structure":
      return structure(shape, value, path);
    default:
      return unreachable(shape);
  }
}

function structure(shape: StructureShape, value: Json, path: string): unknown {
  const found = mapping(value, path);
  const parsed: Record<string, unknown> = {};
  for (const [name, member] of Object.entries({ ...shape.required, ...shape.optional })) {
    const inner = Object.hasOwn(found, name) ? (found[name] ?? null) : null;
    const at = path === "" ? name : `${path}.${name}`;
    if (inner !== null) parsed[name] = parse(member, inner, at);
    else if (Object.hasOwn(shape.required, name)) throw invalid(at, "it must be given");
  }
  return parsed;
}

function mapping(value: Json, path: string): JsonMapping {
  if (typeof value !== "object" || value === null || isList(value)) throw misfit(path, "an object");
  return value;
}

function isList(value: Json): value is readonly Json[] {
  return Array.isArray(value);
}

function string(shape: StringShape, value: Json, path: string): string {
  if (typeof value !== "string") throw misfit(path, "a string");
  const fault = stringFault(shape, value);
  if (fault !== undefined) throw invalid(path, fault);
  return value;
}

function integer({ min, max }: IntegerShape, value: Json, path: string): number {
  if (typeof value !== "number" || !Number.isInteger(value) || Math.abs(value) > 0x7fff_ffff)
    throw misfit(path, "an integer");
  if (value < (min ?? value) || value > (max ?? value))
    throw invalid(path, `it must be between ${min} and ${max}`);
  return value;
}

/** Seconds since 1970, as the protocol defines them. */
function timestamp(value: Json, path: string): Date {
  const date = new Date(typeof value === "number" ? value * 1_000 : Number.NaN);
  if (Number.isNaN(date.getTime())) throw misfit(path, "a timestamp, in seconds since 1970");
  return date;
}

function list(shape: ListShape, value: Json, path: string): unknown[] {
  if (!isList(value)) throw misfit(path, "a list");
  if (value.length > shape.lengthMax) throw invalid(path, `it must have at most ${shape.lengthMax} members`);
  return value.map((member, index) => parse(shape.member, member, `${path}[${index}]`));
}

function map(shape: MapShape, value: Json, path: string): Readonly<Record<string, string>> {
  const entries = Object.entries(mapping(value, path));
  if (entries.length > shape.lengthMax)
    throw invalid(path, `it must have at most ${shape.lengthMax} entries`);
  return Object.fromEntries(
    entries.map(([key, inner]) => [
      string(shape.key, key, `${path}'s key`),
      string(shape.value, inner, `${path}'s value`),
    ]),
  );
}

// The value itself is omitted: it may be a megabyte of anything.
function invalid(path: string, rule: string): AwsError {
  return new AwsError("ValidationException", `The value of ${path} is not valid: ${rule}.`);
}

function misfit(path: string, wanted: string): AwsError {
  return new AwsError("SerializationException", `${path === "" ? "The body" : path} must be ${wanted}.`);
}

/** The members of a structure as a JSON object; undefined members are omitted, times are ISO 8601. */
export function printBody<S extends StructureShape>(shape: S, value: ValueOf<S>): string {
  // Members that the shape does not name are never shown, wherever the value comes from.
  return JSON.stringify(plain(shape, value));
}

function plain(shape: Shape, value: unknown): unknown {
  if (shape.kind === "list")
    return (value as readonly unknown[]).map((member) => plain(shape.member, member));
  if (shape.kind !== "structure") return value;
  const members = value as Readonly<Record<string, unknown>>;
  const shapes = Object.entries({ ...shape.required, ...shape.optional });
  return Object.fromEntries(
    shapes.flatMap(([name, member]) =>
      members[name] === undefined ? [] : [[name, plain(member, members[name])] as const],
    ),
  );
}

export function printJsonError(code: string, message: string): string {
  return JSON.stringify({ __type: code, message });
}
