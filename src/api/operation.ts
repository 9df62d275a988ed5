import type { StructureShape, ValueOf } from "../wire/aws-shape.ts";
import { parseInput, type ParameterTree } from "../wire/aws-query.ts";
import { printMembers } from "../wire/aws-xml.ts";
import type { ApiOptions } from "./options.ts";

/** Who signed the request. */
export interface Caller {
  readonly accessKeyId: string;
}

/** One action: its parameters in, the members of its result as XML out (undefined for an action without a result). */
export type Operation = (
  parameters: ParameterTree,
  options: ApiOptions,
  caller: Caller,
) => Promise<string | undefined>;

interface OperationShapes {
  readonly input: StructureShape;
  readonly output: StructureShape | undefined;
}

type OutputOf<Output> = Output extends StructureShape ? ValueOf<Output> : void;

/** Joins a handler to its shapes: it gets a parsed input, and the compiler checks what it gives. */
export function operation<Shapes extends OperationShapes>(
  { input, output }: Shapes,
  handle: (
    input: ValueOf<Shapes["input"]>,
    options: ApiOptions,
    caller: Caller,
  ) => Promise<OutputOf<Shapes["output"]>>,
): Operation {
  return async (parameters, options, caller) => {
    const result = await handle(parseInput(input, parameters) as ValueOf<Shapes["input"]>, options, caller);
    return output === undefined ? undefined : printMembers(output, result as ValueOf<StructureShape>);
  };
}
