import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "vitest";
import { runClient } from "./clients.ts";
import { credentials, region } from "./service.ts";

/** Those whose actions are served here, as the provider calls them. */
const services = ["rds", "redshift", "redshiftserverless", "sts"];

/** Terraform in a directory of its own, with the provider from a mirror and nothing from the network. */
export class Terraform {
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

  /** Terraform's configuration, as JSON: the provider, and blocks such as `resource` and `data`. */
  async want(blocks: Readonly<Record<string, unknown>>): Promise<void> {
    const configuration = {
      terraform: { required_providers: { aws: { source: "hashicorp/aws" } } },
      provider: {
        aws: {
          region,
          access_key: credentials.accessKeyId,
          secret_key: credentials.secretAccessKey,
          skip_metadata_api_check: true,
          max_retries: 1,
          endpoints: [Object.fromEntries(services.map((name) => [name, this.#endpoint]))],
        },
      },
      ...blocks,
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

  /** What the last apply read of data sources, by address. */
  async valuesRead(): Promise<Readonly<Record<string, unknown>>> {
    const { values } = JSON.parse(await this.run("show", "-json")) as {
      values: { root_module: { resources: readonly { address: string; values: unknown }[] } };
    };
    return Object.fromEntries(values.root_module.resources.map(({ address, values: of }) => [address, of]));
  }
}
