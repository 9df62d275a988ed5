import { randomBytes } from "node:crypto";
import { join } from "node:path";
import {
  DescribeIntegrationsCommand,
  ListTagsForResourceCommand,
  type Integration,
} from "@aws-sdk/client-rds";
import { expect, test } from "vitest";
import { requireTerraform } from "../support/clients.ts";
import { TestPostgres } from "../support/postgres.ts";
import { account, region, ServiceProcess, sourceArn, targetArn } from "../support/service.ts";
import { TemporaryDirectory } from "../support/temporary.ts";
import { Terraform } from "../support/terraform.ts";

const address = "aws_rds_integration.shop";

interface DesiredState {
  readonly dataFilter: string;
  readonly tags: Readonly<Record<string, string>>;
  readonly kmsKey?: { readonly arn: string; readonly context: Readonly<Record<string, string>> };
}

function integration({ dataFilter, tags, kmsKey }: DesiredState) {
  const shop = {
    integration_name: "shop",
    source_arn: sourceArn,
    target_arn: targetArn,
    data_filter: dataFilter,
    tags,
    kms_key_id: kmsKey?.arn,
    additional_encryption_context: kmsKey?.context,
  };
  return { resource: { aws_rds_integration: { shop } } };
}

const keyId = "1234abcd-12ab-34cd-56ef-1234567890ab";
const kmsKey = { arn: `arn:aws:kms:${region}:${account}:key/${keyId}`, context: { team: "data" } };

async function everything({ rds }: ServiceProcess): Promise<Integration[]> {
  return (await rds.send(new DescribeIntegrationsCommand({}))).Integrations ?? [];
}

test("Terraform creates, keeps, changes, imports and destroys an integration with a KMS key", async (context) => {
  const mirror = requireTerraform(context);
  await using server = await TestPostgres.start();
  await server.run(["CREATE TABLE orders (id int PRIMARY KEY)", "INSERT INTO orders VALUES (1), (2)"]);
  await using directory = await TemporaryDirectory.make();
  await using service = await ServiceProcess.start({
    directory: join(directory.path, "service"),
    sourceUrl: server.url(),
    settings: `kms:\n  keys:\n    - { id: ${keyId}, key: "${randomBytes(32).toString("hex")}" }\n`,
  });
  const terraform = await Terraform.start(directory.path, { endpoint: service.endpoint, mirror });
  const tags = { team: "data", stage: "test" };
  const desired: DesiredState = { dataFilter: "include: postgres.public.*", tags, kmsKey };
  const encrypted = { KMSKeyId: kmsKey.arn, AdditionalEncryptionContext: kmsKey.context };
  await terraform.want(integration(desired));
  await terraform.run("init", "-input=false");

  await terraform.run("apply", "-auto-approve", "-input=false");
  const [created] = await everything(service);
  expect(created).toMatchObject({
    IntegrationName: "shop",
    Status: "active",
    DataFilter: desired.dataFilter,
    Tags: [
      { Key: "stage", Value: "test" },
      { Key: "team", Value: "data" },
    ],
    ...encrypted,
  });
  expect(await service.query("SELECT count(*) FROM postgres.public.orders")).toEqual([["2"]]);
  await terraform.expectNoChanges();

  await terraform.want(integration({ ...desired, tags: { team: "shop", colour: "" } }));
  expect(await terraform.run("apply", "-auto-approve", "-input=false")).toContain("0 added, 1 changed");
  const list = new ListTagsForResourceCommand({ ResourceName: created?.IntegrationArn });
  expect((await service.rds.send(list)).TagList).toEqual([
    { Key: "colour", Value: "" },
    { Key: "team", Value: "shop" },
  ]);

  // Whether a new filter changes the integration or replaces it is the provider's choice, by its version.
  const dataFilter = "include: postgres.public.*, exclude: postgres.public.logs";
  await terraform.want(integration({ ...desired, dataFilter, tags: { team: "shop" } }));
  await terraform.run("apply", "-auto-approve", "-input=false");
  const changed = await everything(service);
  expect(changed).toMatchObject([
    { Status: "active", DataFilter: dataFilter, Tags: [{ Key: "team", Value: "shop" }], ...encrypted },
  ]);
  await terraform.expectNoChanges();

  await terraform.run("state rm", address);
  await terraform.run("import", "-input=false", address, changed[0]?.IntegrationArn ?? "");
  await terraform.expectNoChanges();

  await terraform.run("destroy", "-auto-approve", "-input=false");
  expect(await everything(service)).toEqual([]);
}, 600_000);

test("a create that fails shows what is wrong and how to fix it", async (context) => {
  const mirror = requireTerraform(context);
  await using server = await TestPostgres.start({ settings: { wal_level: "replica" } });
  await using directory = await TemporaryDirectory.make();
  await using service = await ServiceProcess.start({
    directory: join(directory.path, "service"),
    sourceUrl: server.url(),
  });
  const terraform = await Terraform.start(directory.path, { endpoint: service.endpoint, mirror });
  await terraform.want(integration({ dataFilter: "include: postgres.*.*", tags: {} }));
  await terraform.run("init", "-input=false");
  const failure: unknown = await terraform
    .run("apply", "-auto-approve", "-input=false")
    .catch((error: unknown) => error);
  const said = String(failure).replaceAll(/[\s│]+/g, " ");
  expect(said).toContain("unexpected state 'needs_attention'");
  expect(said).toContain("WAL_LEVEL: ");
  expect(said).toContain("ALTER SYSTEM SET wal_level = logical; then restart the source.");
  await terraform.run("destroy", "-auto-approve", "-input=false");
  expect(await everything(service)).toEqual([]);
}, 600_000);
