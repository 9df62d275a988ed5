import type { StructureShape, ValueOf } from "../wire/aws-shape.ts";
import { callerArn } from "./arn.ts";
import type { Caller } from "./operation.ts";
import type { ApiOptions } from "./options.ts";
import { anyString } from "./shape-parts.ts";

/** Shapes of STS' service model, API version 2011-06-15. */
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

/** An access key is a user of its own, whose name and id are the key's. */
export async function getCallerIdentity(
  _input: object,
  options: ApiOptions,
  { accessKeyId }: Caller,
): Promise<Output> {
  return { Arn: callerArn(options, accessKeyId), UserId: accessKeyId, Account: options.account };
}
