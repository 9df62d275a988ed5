import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import {
  account,
  credentials,
  region,
  sources,
  targets,
  TestService,
  user,
} from "../../test/support/aws-service.ts";
import { clientEnvironment, requireClient, runClient } from "../../test/support/clients.ts";
import { RdsSession } from "../../test/support/rds-session.ts";

const environment = clientEnvironment({ ...credentials, region });

const resourcesScript = fileURLToPath(new URL("../../test/clients/resources_boto3.py", import.meta.url));
const script = fileURLToPath(new URL("../../test/clients/rds_boto3.py", import.meta.url));

test("boto3 creates, describes, pages, modifies, tags and deletes, and is refused as by AWS", async (context) => {
  requireClient(context, "boto3");
  await using service = await TestService.start();
  using _runtime = service.runtime();
  const Statement = [{ Effect: "Allow", Action: "rds:Describe*", Resource: "*" }];
  const { id, secret } = await service.keys.create("reader", { Version: "2012-10-17", Statement });
  const setup = JSON.stringify({
    account,
    reader: { id, secret: secret.reveal() },
    sources: sources.filter(({ engine }) => engine === "postgres").map(({ arn }) => arn),
    targets: targets.map(({ arn }) => arn),
  });
  const output = await runClient({
    program: "python3",
    parameters: [script, service.url, setup],
    environment,
  });
  expect(output).toBe("ok\n");
});

test("boto3 finds sources, targets, inbound integrations and itself", async (context) => {
  requireClient(context, "boto3");
  await using service = await TestService.start();
  const setup = JSON.stringify({ account, user, sources, targets });
  const output = await runClient({
    program: "python3",
    parameters: [resourcesScript, service.url, setup],
    environment,
  });
  expect(output).toBe("ok\n");
});

test("the AWS CLI describes an integration", async (context) => {
  requireClient(context, "AWS CLI");
  await using session = await RdsSession.start();
  const created = await session.create({ Description: "for the CLI" });
  const output = await runClient({
    program: "aws",
    parameters: ["rds", "describe-integrations", "--endpoint-url", session.service.url, "--output", "json"],
    environment,
  });
  expect(JSON.parse(output)).toMatchObject({
    Integrations: [
      {
        IntegrationArn: created.IntegrationArn,
        IntegrationName: created.IntegrationName,
        Description: "for the CLI",
        Status: "creating",
        Tags: [],
        Errors: [],
        AdditionalEncryptionContext: {},
      },
    ],
  });
});
