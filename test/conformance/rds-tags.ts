import { account, region, sourceArn } from "../support/aws-service.ts";
import { absent, type Absence, type Probe, type Scenario } from "./scenario.ts";

const Tags = [
  { Key: "team", Value: "data" },
  { Key: "ü+ö", Value: "a/b = c" },
];

const noSuchResource = `DBProxyNotFoundFault DBSnapshotTenantDatabaseNotFoundFault TenantDatabaseNotFoundFault
  BlueGreenDeploymentNotFoundFault DBSnapshotNotFoundFault DBProxyEndpointNotFoundFault DBShardGroupNotFoundFault
  DBProxyTargetGroupNotFoundFault`;

const others: Absence = absent(
  "only integrations and sources have tags here: another resource is InvalidParameterValue",
  noSuchResource,
);

const states: Absence = absent(
  "tags can be changed in every state",
  "InvalidDBInstanceStateFault InvalidDBClusterStateFault InvalidDBClusterEndpointStateFault",
);

/** Puts a call to an integration, an instance and a cluster, then to some that do not exist. */
async function everywhere({ world, accepts, refuses }: Probe, input: object): Promise<void> {
  const { IntegrationArn } = await world.session.create({ Tags });
  for (const ResourceName of [IntegrationArn, sourceArn("shop"), sourceArn("fleet", "cluster")])
    await accepts({ ResourceName, ...input });
  const missing = `arn:aws:rds:${region}:${account}:integration:11111111-2222-4333-8444-555555555555`;
  await refuses("IntegrationNotFoundFault", { ResourceName: missing, ...input });
  await refuses("DBInstanceNotFoundFault", { ResourceName: sourceArn("nobody"), ...input });
  await refuses("DBClusterNotFoundFault", { ResourceName: sourceArn("nobody", "cluster"), ...input });
  await refuses("InvalidParameterValue", { ResourceName: sourceArn("nobody", "snapshot"), ...input });
}

/** Actions of RDS on tags. */
export const tagScenarios = {
  AddTagsToResource: {
    notProvoked: [others, states],
    run: (probe) => everywhere(probe, { Tags }),
  },
  ListTagsForResource: {
    notProvoked: [others],
    run: async (probe) => {
      await everywhere(probe, {});
      const Filters = [{ Name: "engine", Values: ["postgres"] }];
      await probe.refuses("InvalidParameterValue", { ResourceName: sourceArn("shop"), Filters });
    },
  },
  RemoveTagsFromResource: {
    notProvoked: [others, states],
    run: (probe) => everywhere(probe, { TagKeys: ["team", "ü+ö"] }),
  },
} as const satisfies Readonly<Record<string, Scenario>>;
