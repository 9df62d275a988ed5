import { account, region, targets } from "../support/aws-service.ts";
import { loggingMembers, warehouseMembers } from "./absent-members.ts";
import { troubled } from "./rds-integrations.ts";
import { absent, type Absence, type Scenario } from "./scenario.ts";

const target = targets[0]?.arn;
const missing = `arn:aws:redshift:${region}:${account}:integration:11111111-2222-4333-8444-555555555555`;

const noneOfRedshift =
  "integrations that Redshift itself creates are of S3 and DynamoDB, which cannot be sources here: there is none";

const noIntegration: Absence = absent(
  noneOfRedshift,
  `IntegrationArn IntegrationName SourceArn TargetArn Status Errors CreateTime Description KMSKeyId
  AdditionalEncryptionContext Tags`,
);

/** Actions of Redshift. */
export const redshiftScenarios = {
  DescribeInboundIntegrations: {
    notProvoked: [absent("every inbound integration can be described", "UnsupportedOperationFault")],
    run: async ({ world, accepts, refuses }) => {
      const { IntegrationArn, TargetArn } = await troubled(world);
      await accepts({ IntegrationArn, TargetArn });
      for (let count = 0; count < 21; count += 1) await world.session.create();
      const { Marker } = await accepts({ MaxRecords: 20 });
      await accepts({ MaxRecords: 20, Marker });
      await refuses("IntegrationNotFoundFault", { IntegrationArn: missing });
      await refuses("InvalidNamespaceFault", { TargetArn: target?.replace(/.{4}$/, "ffff") });
    },
  },
  CreateIntegration: {
    notProduced: [noIntegration],
    notProvoked: [
      absent(
        noneOfRedshift,
        `IntegrationAlreadyExistsFault IntegrationConflictOperationFault IntegrationQuotaExceededFault
        IntegrationSourceNotFoundFault IntegrationTargetNotFoundFault InvalidClusterStateFault TagLimitExceededFault
        InvalidTagFault`,
      ),
    ],
    run: async ({ refuses }) => {
      await refuses("UnsupportedOperationFault", {
        SourceArn: `arn:aws:dynamodb:${region}:${account}:table/orders`,
        TargetArn: target,
        IntegrationName: "orders",
        KMSKeyId: "alias/orders",
        TagList: [{ Key: "team", Value: "data" }],
        AdditionalEncryptionContext: { team: "data" },
        Description: "of another service",
      });
    },
  },
  DescribeIntegrations: {
    notProduced: [
      absent(
        noneOfRedshift,
        [...noIntegration.names.map((name) => `Integrations[].${name}`), "Marker"].join(" "),
      ),
    ],
    notProvoked: [absent("what does not exist can be described all the same", "UnsupportedOperationFault")],
    run: async ({ accepts, refuses }) => {
      await accepts({ Filters: [{ Name: "status", Values: ["active"] }], MaxRecords: 20 });
      await refuses("IntegrationNotFoundFault", { IntegrationArn: missing });
      await refuses("InvalidParameterValue", { Marker: "of another list" });
    },
  },
  ModifyIntegration: {
    notProduced: [noIntegration],
    notProvoked: [
      absent(
        noneOfRedshift,
        `IntegrationConflictStateFault IntegrationConflictOperationFault IntegrationAlreadyExistsFault
        UnsupportedOperationFault`,
      ),
    ],
    run: async ({ refuses }) => {
      const change = { Description: "new", IntegrationName: "new" };
      await refuses("IntegrationNotFoundFault", { IntegrationArn: missing, ...change });
    },
  },
  DeleteIntegration: {
    notProduced: [noIntegration],
    notProvoked: [
      absent(
        noneOfRedshift,
        "IntegrationConflictStateFault IntegrationConflictOperationFault UnsupportedOperationFault",
      ),
    ],
    run: async ({ refuses }) => {
      await refuses("IntegrationNotFoundFault", { IntegrationArn: missing });
    },
  },
  DescribeClusters: {
    notProduced: warehouseMembers,
    notProvoked: [absent("every tag may be asked for, and none is found", "InvalidTagFault")],
    run: async ({ accepts, refuses }) => {
      await accepts({ ClusterIdentifier: "target-0" });
      await accepts({ TagKeys: ["team"], TagValues: ["data"] });
      const { Marker } = await accepts({ MaxRecords: 20 });
      await accepts({ MaxRecords: 20, Marker });
      await refuses("ClusterNotFoundFault", { ClusterIdentifier: "nobody" });
    },
  },
  DescribeLoggingStatus: {
    notProduced: loggingMembers,
    notProvoked: [absent("logging can be asked for in any state", "UnsupportedOperationFault")],
    run: async ({ accepts, refuses }) => {
      await accepts({ ClusterIdentifier: "target-0" });
      await refuses("ClusterNotFoundFault", { ClusterIdentifier: "nobody" });
    },
  },
} as const satisfies Readonly<Record<string, Scenario>>;
