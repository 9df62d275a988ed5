/** A member of a structure, a list or a map; on the wire it may have a name of its own. */
export interface ShapeReference {
  readonly shape: string;
  readonly locationName?: string;
}

export type ModelShape =
  | {
      readonly type: "structure";
      readonly members: Readonly<Record<string, ShapeReference>>;
      readonly required?: readonly string[];
      /** The fault of the service. */
      readonly fault?: boolean;
      readonly error?: { readonly code: string; readonly httpStatusCode: number };
    }
  | { readonly type: "list"; readonly member: ShapeReference }
  | { readonly type: "map"; readonly key: ShapeReference; readonly value: ShapeReference }
  | { readonly type: "string" | "boolean" | "timestamp" | NumberType };

type NumberType = "integer" | "long" | "float" | "double";

/** The parts that are used here of a `service-2.json` of botocore. */
export interface ServiceDescription {
  readonly metadata: {
    readonly protocol: string;
    readonly apiVersion: string;
    readonly xmlNamespace?: string;
  };
  readonly operations: Readonly<
    Record<
      string,
      {
        readonly input?: ShapeReference;
        readonly output?: ShapeReference;
        readonly errors?: readonly ShapeReference[];
      }
    >
  >;
  readonly shapes: Readonly<Record<string, ModelShape>>;
}

export interface DeclaredError {
  /** Of the shape: what SDKs call the error. */
  readonly name: string;
  /** On the wire. */
  readonly code: string;
  readonly status: number;
}

/** Of an operation without input or output. */
const nothing: ModelShape = { type: "structure", members: {} };

/** What the official model says of a service. */
export class ServiceModel {
  readonly name: string;
  readonly #description: ServiceDescription;

  constructor(name: string, description: ServiceDescription) {
    this.name = name;
    this.#description = description;
  }

  get metadata(): ServiceDescription["metadata"] {
    return this.#description.metadata;
  }

  /** Throws for an action or a shape that the model does not know. */
  input(action: string): ModelShape {
    return this.#shapeOf(this.#operation(action).input);
  }

  output(action: string): ModelShape {
    return this.#shapeOf(this.#operation(action).output);
  }

  errors(action: string): DeclaredError[] {
    return (this.#operation(action).errors ?? []).map(({ shape: name }) => {
      const shape = this.shape({ shape: name });
      const { error, fault = false } = shape.type === "structure" ? shape : {};
      // What a protocol's own rule is for an error that says nothing of it.
      const { code = name, httpStatusCode: status = fault ? 500 : 400 } = error ?? {};
      return { name, code, status };
    });
  }

  shape({ shape: name }: ShapeReference): ModelShape {
    const shape = this.#description.shapes[name];
    if (shape === undefined) throw new Error(`the model of ${this.name} has no shape ${name}`);
    return shape;
  }

  /** Every member at every depth, such as `Integrations[].Tags[].Key`; a shape inside itself is not entered again. */
  paths(shape: ModelShape, path = "", outer: readonly ModelShape[] = []): string[] {
    if (outer.includes(shape)) return [];
    const inner = [...outer, shape];
    if (shape.type === "list") return this.paths(this.shape(shape.member), `${path}[]`, inner);
    if (shape.type !== "structure") return [];
    return Object.entries(shape.members).flatMap(([name, member]) => {
      const at = path === "" ? name : `${path}.${name}`;
      return [at, ...this.paths(this.shape(member), at, inner)];
    });
  }

  #operation(action: string): ServiceDescription["operations"][string] {
    const operation = this.#description.operations[action];
    if (operation === undefined) throw new Error(`the model of ${this.name} has no action ${action}`);
    return operation;
  }

  #shapeOf(reference: ShapeReference | undefined): ModelShape {
    return reference === undefined ? nothing : this.shape(reference);
  }
}
