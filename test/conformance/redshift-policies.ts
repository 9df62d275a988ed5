import { inboundService } from "../../src/model/policy/namespace-policy.ts";
import { sourceArn, targets } from "../support/aws-service.ts";
import { absent, type Scenario } from "./scenario.ts";

// A target that no other scenario uses: its policy keeps sources out.
const ResourceArn = targets.at(-1)?.arn ?? "";
const missing = ResourceArn.replace(/.{4}$/, "ffff");
const bucket = "arn:aws:s3:::bucket";

const Policy = JSON.stringify({
  Version: "2012-10-17",
  Statement: [
    {
      Effect: "Allow",
      Principal: { Service: inboundService },
      Action: "redshift:AuthorizeInboundIntegration",
      Condition: { StringEquals: { "aws:SourceArn": sourceArn("shop") } },
    },
  ],
});

/** Actions of Redshift on the policies of namespaces. */
export const policyScenarios = {
  PutResourcePolicy: {
    run: async ({ world, accepts, refuses }) => {
      await accepts({ ResourceArn, Policy });
      await refuses("InvalidPolicyFault", { ResourceArn, Policy: "{}" });
      await refuses("ResourceNotFoundFault", { ResourceArn: missing, Policy });
      await refuses("UnsupportedOperationFault", { ResourceArn: bucket, Policy });
      await world.whilePolicyChanges(ResourceArn, () =>
        refuses("ConflictPolicyUpdateFault", { ResourceArn, Policy }),
      );
    },
  },
  GetResourcePolicy: {
    notProvoked: [absent("a policy that was put is a valid one", "InvalidPolicyFault")],
    run: async ({ world, accepts, refuses }) => {
      await world.session.service.catalog.resourcePolicies.put(ResourceArn, Policy);
      await accepts({ ResourceArn });
      await refuses("ResourceNotFoundFault", { ResourceArn: missing });
      await refuses("UnsupportedOperationFault", { ResourceArn: bucket });
    },
  },
  DeleteResourcePolicy: {
    run: async ({ world, accepts, refuses }) => {
      await world.session.service.catalog.resourcePolicies.put(ResourceArn, Policy);
      await accepts({ ResourceArn });
      await refuses("ResourceNotFoundFault", { ResourceArn });
      await refuses("UnsupportedOperationFault", { ResourceArn: bucket });
    },
  },
} as const satisfies Readonly<Record<string, Scenario>>;
