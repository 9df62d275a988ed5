import type { StructureShape, ValueOf } from "../wire/aws-shape.ts";
import { parseInput, type ParameterTree } from "../wire/aws-query.ts";
import { printMembers } from "../wire/aws-xml.ts";
import type { Call } from "./options.ts";
import { permitted, type Permission } from "./permission.ts";

/** One action: its parameters in, the members of its result as XML out (undefined for an action without a result). */
export type Operation = (parameters: ParameterTree, call: Call) => Promise<string | undefined>;

interface OperationShapes {
  readonly input: StructureShape;
  readonly output: StructureShape | undefined;
}

type OutputOf<Output> = Output extends StructureShape ? ValueOf<Output> : void;

/**
 * Joins a handler to its shapes and to what it needs to be allowed: it gets a parsed input that the caller may use, and
 * the compiler checks what it gives.
 */
export function operation<Shapes extends OperationShapes>(
  { input, output }: Shapes,
  permission: Permission<ValueOf<Shapes["input"]>>,
  handle: (input: ValueOf<Shapes["input"]>, call: Call) => Promise<OutputOf<Shapes["output"]>>,
): Operation {
  return async (parameters, call) => {
    const parsed = parseInput(input, parameters) as ValueOf<Shapes["input"]>;
    const result = await handle(await permitted(permission, parsed, call), call);
    return output === undefined ? undefined : printMembers(output, result as ValueOf<StructureShape>);
  };
}
