import { unreachable } from "../../src/base/assert.ts";
import type { ModelShape, ServiceModel } from "./service-model.ts";

/** A value as the model sees it. */
export interface Reading {
  /** With timestamps in one form, without what is undefined: two clients that parsed the same are equal in this. */
  readonly value: unknown;
  /** The members that are there. */
  readonly paths: ReadonlySet<string>;
  /** Members that the model does not know, required ones that are not there, values of another type. */
  readonly flaws: readonly string[];
}

type Members = Readonly<Record<string, unknown>>;

/** Reads a value that a client parsed or is to send, or the body of the JSON protocol. */
export function read(model: ServiceModel, shape: ModelShape, value: unknown): Reading {
  const reader = new Reader(model);
  return { value: reader.value(shape, value, ""), paths: reader.paths, flaws: reader.flaws };
}

class Reader {
  readonly paths = new Set<string>();
  readonly flaws: string[] = [];
  readonly #model: ServiceModel;

  constructor(model: ServiceModel) {
    this.#model = model;
  }

  value(shape: ModelShape, value: unknown, path: string): unknown {
    switch (shape.type) {
      case "structure":
        return this.#structure(shape, value, path);
      case "list":
        return this.#list(shape, value, path);
      case "map":
        return this.#map(shape, value, path);
      case "timestamp":
        return this.#timestamp(value, path);
      case "string":
        return this.#expect(typeof value === "string", value, path);
      case "boolean":
        return this.#expect(typeof value === "boolean", value, path);
      case "integer":
      case "long":
      case "float":
      case "double":
        return this.#expect(typeof value === "number" && !Number.isNaN(value), value, path);
      default:
        return unreachable(shape);
    }
  }

  #structure(
    { members, required = [] }: ModelShape & { type: "structure" },
    value: unknown,
    path: string,
  ): unknown {
    if (!isMembers(value)) return this.#expect(false, value, path);
    const there = Object.entries(value).filter(([, member]) => member !== undefined);
    for (const name of required)
      if (value[name] === undefined) this.flaws.push(`${join(path, name)} is missing`);
    return Object.fromEntries(
      there.map(([name, member]) => {
        const at = join(path, name);
        const reference = members[name];
        if (reference === undefined) this.flaws.push(`the model does not know ${at}`);
        if (reference === undefined) return [name, member];
        this.paths.add(at);
        return [name, this.value(this.#model.shape(reference), member, at)];
      }),
    );
  }

  #list(shape: ModelShape & { type: "list" }, value: unknown, path: string): unknown {
    if (!Array.isArray(value)) return this.#expect(false, value, path);
    return value.map((member) => this.value(this.#model.shape(shape.member), member, `${path}[]`));
  }

  #map(shape: ModelShape & { type: "map" }, value: unknown, path: string): unknown {
    if (!isMembers(value)) return this.#expect(false, value, path);
    const inner = this.#model.shape(shape.value);
    return Object.fromEntries(
      Object.entries(value).map(([key, member]) => [key, this.value(inner, member, `${path}{}`)]),
    );
  }

  /** Seconds since 1970 are what the JSON protocol has. */
  #timestamp(value: unknown, path: string): unknown {
    const date = typeof value === "number" ? new Date(value * 1_000) : new Date(value as string | Date);
    const isTimestamp = !Number.isNaN(date.getTime());
    return this.#expect(isTimestamp, isTimestamp ? date.toISOString() : value, path);
  }

  #expect(isFit: boolean, value: unknown, path: string): unknown {
    if (!isFit) this.flaws.push(`${path} has a value of another type: ${JSON.stringify(value)}`);
    return value;
  }
}

function isMembers(value: unknown): value is Members {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function join(path: string, name: string): string {
  return path === "" ? name : `${path}.${name}`;
}
