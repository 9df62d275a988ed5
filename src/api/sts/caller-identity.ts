import type { StructureShape, ValueOf } from "../../wire/aws/shape.ts";
import { userArn } from "../protocol/arn.ts";
import type { Call } from "../options.ts";
import { anyString } from "../protocol/shape-parts.ts";

/** Shapes of the STS service model, API version 2011-06-15. */
export const identityShapes = {
  GetCallerIdentity: {
    input: { kind: "structure", required: {}, optional: {} },
    output: {
      kind: "structure",
      required: { Arn: anyString, UserId: anyString, Account: anyString },
      optional: {},
    },
  },
} as const satisfies Record<string, { readonly input: StructureShape; readonly output: StructureShape }>;

type Output = ValueOf<typeof identityShapes.GetCallerIdentity.output>;

/** The user that owns the access key. */
export async function getCallerIdentity(_input: object, call: Call): Promise<Output> {
  const { user } = call.caller;
  return { Arn: userArn(call, user), UserId: user, Account: call.account };
}
