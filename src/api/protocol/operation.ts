import type { StructureShape, ValueOf } from "../../wire/aws/shape.ts";
import type { Call } from "../options.ts";
import { permitted, type Permission } from "../access/permission.ts";

/** One action, independent of the protocol of the request. */
export interface Operation {
  readonly input: StructureShape;
  /** Undefined for an action without a result. */
  readonly output: StructureShape | undefined;
  /** Maps a value of `input` to one of `output`. */
  readonly run: (input: ValueOf<StructureShape>, call: Call) => Promise<ValueOf<StructureShape> | undefined>;
}

interface OperationShapes {
  readonly input: StructureShape;
  readonly output: StructureShape | undefined;
}

type OutputOf<Output> = Output extends StructureShape ? ValueOf<Output> : void;

/**
 * Combines a handler with its shapes and its permission: the handler receives a parsed input that the caller may use,
 * and the compiler checks its result.
 */
export function operation<Shapes extends OperationShapes>(
  { input, output }: Shapes,
  permission: Permission<ValueOf<Shapes["input"]>>,
  handle: (input: ValueOf<Shapes["input"]>, call: Call) => Promise<OutputOf<Shapes["output"]>>,
): Operation {
  return {
    input,
    output,
    run: async (given, call) => {
      const allowed = await permitted(permission, given as ValueOf<Shapes["input"]>, call);
      const result = await handle(allowed, call);
      return result as ValueOf<StructureShape> | undefined;
    },
  };
}
