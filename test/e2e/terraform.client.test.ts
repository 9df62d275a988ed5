import { randomBytes } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import {
  DescribeIntegrationsCommand,
  ListTagsForResourceCommand,
  type Integration,
} from "@aws-sdk/client-rds";
import { expect, test } from "vitest";
import { requireTerraform, runClient } from "../support/clients.ts";
import { TestPostgres } from "../support/postgres.ts";
import { account, credentials, region, ServiceProcess, sourceArn, targetArn } from "../support/service.ts";
import { TemporaryDirectory } from "../support/temporary.ts";

const address = "aws_rds_integration.shop";

interface Wish {
  readonly dataFilter: string;
  readonly tags: Readonly<Record<string, string>>;
  readonly kmsKey?: { readonly arn: string; readonly context: Readonly<Record<string, string>> };
}

/** Terraform in a directory of its own, with the provider from a mirror and nothing from the network. */
class Terraform {
  readonly #directory: string;
  readonly #endpoint: string;

  private constructor(directory: string, endpoint: string) {
    this.#directory = directory;
    this.#endpoint = endpoint;
  }

  static async start(directory: string, setup: { endpoint: string; mirror: string }): Promise<Terraform> {
    const terraform = new Terraform(directory, setup.endpoint);
    const path = JSON.stringify(setup.mirror);
    await writeFile(
      join(directory, "terraform.rc"),
      `provider_installation {\n  filesystem_mirror {\n    path = ${path}\n  }\n}\n`,
    );
    return terraform;
  }

  /** Terraform's configuration, as JSON. */
  async want({ dataFilter, tags, kmsKey }: Wish): Promise<void> {
    const configuration = {
      terraform: { required_providers: { aws: { source: "hashicorp/aws" } } },
      provider: {
        aws: {
          region,
          access_key: credentials.accessKeyId,
          secret_key: credentials.secretAccessKey,
          skip_metadata_api_check: true,
          max_retries: 1,
          endpoints: [{ rds: this.#endpoint, sts: this.#endpoint }],
        },
      },
      resource: {
        aws_rds_integration: {
          shop: {
            integration_name: "shop",
            source_arn: sourceArn,
            target_arn: targetArn,
            data_filter: dataFilter,
            tags,
            kms_key_id: kmsKey?.arn,
            additional_encryption_context: kmsKey?.context,
          },
        },
      },
    };
    await writeFile(join(this.#directory, "main.tf.json"), JSON.stringify(configuration));
  }

  /** Throws, with what it would do, where a plan is not empty: then the exit code is 2. */
  async expectNoChanges(): Promise<void> {
    expect(await this.run("plan -detailed-exitcode -input=false")).toContain("No changes.");
  }

  /** A command, such as `state rm`, without colours. */
  run(command: string, ...parameters: string[]): Promise<string> {
    return runClient({
      program: "terraform",
      parameters: [`-chdir=${this.#directory}`, ...command.split(" "), "-no-color", ...parameters],
      environment: {
        TF_CLI_CONFIG_FILE: join(this.#directory, "terraform.rc"),
        CHECKPOINT_DISABLE: "1",
        AWS_CONFIG_FILE: "/dev/null",
        AWS_SHARED_CREDENTIALS_FILE: "/dev/null",
        AWS_EC2_METADATA_DISABLED: "true",
      },
    });
  }
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
  const wish: Wish = { dataFilter: "include: postgres.public.*", tags, kmsKey };
  const encrypted = { KMSKeyId: kmsKey.arn, AdditionalEncryptionContext: kmsKey.context };
  await terraform.want(wish);
  await terraform.run("init", "-input=false");

  await terraform.run("apply", "-auto-approve", "-input=false");
  const [created] = await everything(service);
  expect(created).toMatchObject({
    IntegrationName: "shop",
    Status: "active",
    DataFilter: wish.dataFilter,
    Tags: [
      { Key: "stage", Value: "test" },
      { Key: "team", Value: "data" },
    ],
    ...encrypted,
  });
  expect(await service.query("SELECT count(*) FROM postgres.public.orders")).toEqual([["2"]]);
  await terraform.expectNoChanges();

  await terraform.want({ ...wish, tags: { team: "shop", colour: "" } });
  expect(await terraform.run("apply", "-auto-approve", "-input=false")).toContain("0 added, 1 changed");
  const list = new ListTagsForResourceCommand({ ResourceName: created?.IntegrationArn });
  expect((await service.rds.send(list)).TagList).toEqual([
    { Key: "colour", Value: "" },
    { Key: "team", Value: "shop" },
  ]);

  // Whether a new filter changes the integration or replaces it is the provider's choice, by its version.
  const dataFilter = "include: postgres.public.*, exclude: postgres.public.logs";
  await terraform.want({ ...wish, dataFilter, tags: { team: "shop" } });
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

test("a create that fails shows what is wrong and how to mend it", async (context) => {
  const mirror = requireTerraform(context);
  await using server = await TestPostgres.start({ settings: { wal_level: "replica" } });
  await using directory = await TemporaryDirectory.make();
  await using service = await ServiceProcess.start({
    directory: join(directory.path, "service"),
    sourceUrl: server.url(),
  });
  const terraform = await Terraform.start(directory.path, { endpoint: service.endpoint, mirror });
  await terraform.want({ dataFilter: "include: postgres.*.*", tags: {} });
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
