import type { StructureShape, ValueOf } from "../wire/aws/shape.ts";
import { permitted, type Permission } from "./access/permission.ts";
import type { Call } from "./options.ts";

/** One action of an AWS service, independent of the protocol of the request. */
export interface Action<Name extends string = string> {
  readonly name: Name;
  readonly input: StructureShape;
  /** Undefined for an action without a result. */
  readonly output: StructureShape | undefined;
  /** Maps a value of `input` to one of `output`. Throws `AwsError`. */
  readonly run: (input: ValueOf<StructureShape>, call: Call) => Promise<ValueOf<StructureShape> | undefined>;
}

interface Declaration<
  Name extends string,
  Input extends StructureShape,
  Output extends StructureShape | undefined,
> {
  /** As in the service model. */
  readonly name: Name;
  readonly input: Input;
  readonly output: Output;
  readonly permission: Permission<ValueOf<Input>>;
  /** Gets a parsed input that the caller may use. */
  readonly handle: (input: ValueOf<Input>, call: Call) => Promise<ResultOf<Output>>;
}

type ResultOf<Output> = Output extends StructureShape ? ValueOf<Output> : void;

/** Declares an action: the compiler derives the input and the result of its handler from its shapes. */
export function action<
  const Name extends string,
  const Input extends StructureShape,
  const Output extends StructureShape | undefined,
>({ name, input, output, permission, handle }: Declaration<Name, Input, Output>): Action<Name> {
  return {
    name,
    input,
    output,
    run: async (given, call) => {
      const allowed = await permitted(permission, given as ValueOf<Input>, call);
      return (await handle(allowed, call)) as ValueOf<StructureShape> | undefined;
    },
  };
}
