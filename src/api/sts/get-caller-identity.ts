import { action } from "../action.ts";
import { userArn } from "../protocol/arn.ts";
import { anyString } from "../protocol/shape-parts.ts";

/** The user that owns the access key. */
export const getCallerIdentity = action({
  name: "GetCallerIdentity",
  input: { kind: "structure", required: {}, optional: {} },
  output: {
    kind: "structure",
    required: { Arn: anyString, UserId: anyString, Account: anyString },
    optional: {},
  },
  // Every caller may ask for its own identity, even one without any other permission.
  permission: { kind: "needs", needsOf: () => [] },
  handle: async (_, call) => {
    const { user } = call.caller;
    return { Arn: userArn(call, user), UserId: user, Account: call.account };
  },
});
