import type { Integration } from "@aws-sdk/client-rds";
import { sourceArn } from "../support/aws-service.ts";
import { idOf } from "../support/rds-session.ts";
import { absent, keyAlias, type Scenario, type World } from "./scenario.ts";

const nobody = "nobody";
const Tags = [
  { Key: "team", Value: "data" },
  { Key: "colour", Value: "" },
];

/** One that waits for a person, with everything that an integration can have. */
export async function troubled({ session }: World): Promise<Integration> {
  const integration = await session.create({ Tags, Description: "Straße <&>" });
  await session.service.catalog.report(idOf(integration), {
    generation: 1,
    status: "needs_attention",
    errors: [{ code: "SOURCE_UNREACHABLE", message: "Nobody answers at <shop.example>." }],
    tables: [],
  });
  return integration;
}

const healthy = absent(
  "nothing can be wrong yet with an integration that was just created",
  "Errors[].ErrorCode Errors[].ErrorMessage",
);

const leaving = absent(
  "what was wrong with an integration does not matter any more when it is deleted",
  "Errors[].ErrorCode Errors[].ErrorMessage",
);

/** Actions of RDS on integrations. */
export const integrationScenarios = {
  CreateIntegration: {
    notProduced: [healthy],
    run: async ({ world, accepts, refuses }) => {
      const { session, quotas } = world;
      const desired = session.request({
        Tags,
        Description: "ein Maß",
        KMSKeyId: keyAlias,
        AdditionalEncryptionContext: { team: "data", stage: "a <&> b" },
      });
      await accepts({ ...desired });
      await refuses("IntegrationConflictOperationFault", {
        ...session.request(),
        IntegrationName: desired.IntegrationName,
      });
      await refuses("IntegrationAlreadyExistsFault", { ...desired, IntegrationName: "other" });
      await refuses("DBInstanceNotFoundFault", { ...session.request(), SourceArn: sourceArn(nobody) });
      const cluster = sourceArn(nobody).replace(":db:", ":cluster:");
      await refuses("DBClusterNotFoundFault", { ...session.request(), SourceArn: cluster });
      await refuses("KMSKeyNotAccessibleFault", { ...session.request(), KMSKeyId: "alias/nobodys" });
      await refuses("InvalidParameterCombination", {
        ...session.request(),
        AdditionalEncryptionContext: { team: "data" },
      });
      await refuses("InvalidParameterValue", { ...session.request(), DataFilter: "exclude: a.b.c" });
      const { perAccount } = quotas;
      quotas.perAccount = 1;
      await refuses("IntegrationQuotaExceededFault", { ...session.request() });
      quotas.perAccount = perAccount;
    },
  },
  DescribeIntegrations: {
    run: async ({ world, accepts, refuses }) => {
      const { IntegrationArn } = await troubled(world);
      await accepts({ IntegrationIdentifier: IntegrationArn });
      for (let count = 0; count < 21; count += 1) await world.session.create();
      const page = { Filters: [{ Name: "status", Values: ["creating", "active"] }], MaxRecords: 20 };
      const { Marker } = await accepts(page);
      await accepts({ ...page, Marker });
      await refuses("IntegrationNotFoundFault", { IntegrationIdentifier: nobody });
      await refuses("InvalidParameterValue", { MaxRecords: 10 });
    },
  },
  ModifyIntegration: {
    run: async ({ world, accepts, refuses }) => {
      const { IntegrationName } = await troubled(world);
      await accepts({ IntegrationIdentifier: IntegrationName, Description: "seen to" });
      const all = { IntegrationName: "modified", DataFilter: "include: a.b.*", Description: "all of it" };
      await accepts({ IntegrationIdentifier: IntegrationName, ...all });
      await refuses("InvalidIntegrationStateFault", { IntegrationIdentifier: "modified", ...all });
      const { IntegrationArn } = await world.session.active();
      await refuses("IntegrationConflictOperationFault", {
        IntegrationIdentifier: IntegrationArn,
        IntegrationName: "modified",
      });
      await refuses("IntegrationNotFoundFault", { IntegrationIdentifier: nobody, Description: "gone" });
    },
  },
  DeleteIntegration: {
    notProduced: [leaving],
    notProvoked: [
      absent(
        "a deletion waits for nothing: what else happens to the integration is a state",
        "IntegrationConflictOperationFault",
      ),
    ],
    run: async ({ world, accepts, refuses }) => {
      const { IntegrationArn } = await troubled(world);
      await accepts({ IntegrationIdentifier: IntegrationArn });
      await refuses("InvalidIntegrationStateFault", { IntegrationIdentifier: IntegrationArn });
      await refuses("IntegrationNotFoundFault", { IntegrationIdentifier: nobody });
    },
  },
} as const satisfies Readonly<Record<string, Scenario>>;
