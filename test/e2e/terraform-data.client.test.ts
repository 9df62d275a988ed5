import { join } from "node:path";
import { expect, test } from "vitest";
import { requireTerraform } from "../support/clients.ts";
import { freePort } from "../support/postgres.ts";
import { account, ServiceProcess, sourceArn, targetArn } from "../support/service.ts";
import { TemporaryDirectory } from "../support/temporary.ts";
import { Terraform } from "../support/terraform.ts";

// Every data source of the provider whose reading needs no other actions than those that are served.
const data = {
  aws_caller_identity: { me: {} },
  aws_db_instance: { test: { db_instance_identifier: "test" } },
  aws_db_instances: { all: {} },
  aws_rds_clusters: { all: {} },
  aws_rds_engine_version: { postgres: { engine: "postgres", version: "17" } },
  aws_db_event_categories: { all: {} },
  aws_redshift_cluster: { test: { cluster_identifier: "test" } },
  aws_redshiftserverless_namespace: { test: { namespace_name: "test" } },
  aws_redshiftserverless_workgroup: { test: { workgroup_name: "test" } },
};

const policy = {
  resource_arn: targetArn,
  policy: JSON.stringify({
    Version: "2012-10-17",
    Statement: [
      {
        Effect: "Allow",
        Principal: { Service: "redshift.amazonaws.com" },
        Action: "redshift:AuthorizeInboundIntegration",
        Resource: targetArn,
        Condition: { StringEquals: { "aws:SourceArn": sourceArn } },
      },
    ],
  }),
};

test("each of Terraform's data sources that is served here reads what is configured", async (context) => {
  const mirror = requireTerraform(context);
  await using directory = await TemporaryDirectory.make();
  await using service = await ServiceProcess.start({
    directory: join(directory.path, "service"),
    sourceUrl: `postgres://nobody@127.0.0.1:${await freePort()}/shop`,
  });
  const terraform = await Terraform.start(directory.path, { endpoint: service.endpoint, mirror });
  await terraform.want({ data, resource: { aws_redshift_resource_policy: { test: policy } } });
  await terraform.run("init", "-input=false");
  await terraform.run("apply", "-auto-approve", "-input=false");
  const read = await terraform.valuesRead();
  expect(read).toMatchObject({
    "data.aws_caller_identity.me": { account_id: account },
    "data.aws_db_instance.test": { db_instance_arn: sourceArn, engine: "postgres" },
    "data.aws_db_instances.all": { instance_arns: [sourceArn], instance_identifiers: ["test"] },
    "data.aws_rds_clusters.all": { cluster_arns: [] },
    "data.aws_rds_engine_version.postgres": { version: "17" },
    "data.aws_db_event_categories.all": { event_categories: ["configuration", "monitoring", "operation"] },
    "data.aws_redshift_cluster.test": {
      cluster_namespace_arn: targetArn,
      database_name: "dev",
      multi_az: false,
    },
    "data.aws_redshiftserverless_namespace.test": { arn: targetArn },
    "data.aws_redshiftserverless_workgroup.test": { workgroup_name: "test" },
  });
  expect(Object.keys(read)).toHaveLength(Object.keys(data).length + 1);
  await terraform.expectNoChanges();
  await terraform.run("destroy", "-auto-approve", "-input=false");
}, 600_000);
