import { execFile, spawnSync } from "node:child_process";
import { readFile } from "node:fs/promises";
import { promisify } from "node:util";
import type { TestContext } from "vitest";

/** Programs that some tests drive, and how to see that they are installed. */
const programs = {
  boto3: ["python3", "-c", "import boto3"],
  "AWS CLI": ["aws", "--version"],
  // A server, of the KMS API among others.
  moto: ["python3", "-c", "import moto.server, flask_cors"],
} as const;

/**
 * Skips the running test when a foreign client is not installed, and says so; fails it instead where
 * ZEROETL_REQUIRE_CLIENTS=1 promises that all of them are.
 */
export function requireClient(context: TestContext, client: keyof typeof programs): void {
  const [program, ...parameters] = programs[client];
  if (spawnSync(program, parameters).status === 0) return;
  const message = `${client} is not installed: what it would have shown is not tested`;
  // oxlint-disable-next-line node/no-process-env -- a switch for tests, which have no configuration
  if (process.env["ZEROETL_REQUIRE_CLIENTS"] === "1") throw new Error(message);
  skipLoudly(context, message);
}

/** The version of a client from pip that the tests are written for. */
export async function pinnedVersion(client: string): Promise<string | undefined> {
  const requirements = await readFile(new URL("../clients/requirements.txt", import.meta.url), "utf8");
  const lines = requirements.split("\n").map((line) => line.split("=="));
  return lines.find(([name]) => name === client)?.[1];
}

/** Skips the running test and says what is not tested. */
function skipLoudly(context: TestContext, message: string): never {
  process.stderr.write(`\n*** ${message} ***\n`);
  return context.skip(message);
}

/**
 * A directory with a copy of Terraform's provider for AWS. Skips the running test where it or Terraform is not
 * installed, even where all clients are promised: the provider is too large to be brought along.
 */
export function requireTerraform(context: TestContext): string {
  const mirror = spawnSync("terraform", ["version"]).status === 0 ? findProvider() : undefined;
  if (mirror !== undefined) return mirror;
  return skipLoudly(
    context,
    "Terraform, or its provider for AWS, is not installed: what it would have shown is not tested",
  );
}

/** Wherever on this machine: a copy that somebody has put in the layout of a mirror. */
function findProvider(): string | undefined {
  const layout = "/registry.terraform.io/hashicorp/aws/";
  const name = "terraform-provider-aws_*";
  const found = spawnSync("find", ["/", "-xdev", "-path", `*${layout}*/${name}`, "-print", "-quit"]);
  const path = found.stdout.toString().split("\n")[0] ?? "";
  return path === "" ? undefined : path.slice(0, path.indexOf(layout));
}

interface ClientIdentity {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly region: string;
}

/** What a client needs to know, and nothing of this machine's own AWS configuration. */
export function clientEnvironment(identity: ClientIdentity): Readonly<Record<string, string>> {
  return {
    AWS_ACCESS_KEY_ID: identity.accessKeyId,
    AWS_SECRET_ACCESS_KEY: identity.secretAccessKey,
    AWS_DEFAULT_REGION: identity.region,
    AWS_CONFIG_FILE: "/dev/null",
    AWS_SHARED_CREDENTIALS_FILE: "/dev/null",
    AWS_EC2_METADATA_DISABLED: "true",
    AWS_MAX_ATTEMPTS: "1",
  };
}

export interface ClientRun {
  readonly program: string;
  readonly parameters: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly timeoutMs?: number;
}

/** Runs a client to its end and gives its standard output; throws with its standard error when it fails. */
export async function runClient({
  program,
  parameters,
  environment,
  timeoutMs = 110_000,
}: ClientRun): Promise<string> {
  const { stdout } = await promisify(execFile)(program, [...parameters], {
    // oxlint-disable-next-line node/no-process-env -- the client needs PATH and the like
    env: { ...process.env, ...environment },
    maxBuffer: 64 * 1024 * 1024,
    timeout: timeoutMs,
  });
  return stdout;
}
