import { CreateIntegrationCommand, DescribeIntegrationsCommand, RDSClient } from "@aws-sdk/client-rds";
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { freePort } from "../test/support/postgres.ts";
import { until } from "../test/support/until.ts";

const account = "000000000000";
const namespace = "11111111-2222-4333-8444-555555555555";
const credentials = { accessKeyId: "AKIDBENCH", secretAccessKey: "bench-secret-key" };

export interface ServiceOptions {
  /** For its data and its configuration; made when absent. */
  readonly directory: string;
  readonly sourceUrl: string;
}

/** The real service in a process of its own, driven as its users drive it. */
export class BenchService implements AsyncDisposable {
  readonly endpoint: string;
  readonly rds: RDSClient;
  readonly #process: ChildProcess;

  private constructor(endpoint: string, process: ChildProcess) {
    this.endpoint = endpoint;
    this.rds = new RDSClient({ endpoint, region: "us-east-1", credentials, maxAttempts: 1 });
    this.#process = process;
  }

  static async start({ directory, sourceUrl }: ServiceOptions): Promise<BenchService> {
    await mkdir(directory, { recursive: true });
    const port = await freePort();
    const file = join(directory, "zeroetl.yaml");
    await writeFile(file, configuration({ directory, sourceUrl, port }), { mode: 0o600 });
    const child = spawn(process.execPath, ["bin/zeroetl.cjs", "serve", "--config", file], {
      stdio: ["ignore", "ignore", "pipe"],
    });
    let output = "";
    child.stderr.on("data", (chunk: Buffer) => {
      output = (output + chunk.toString()).slice(-4000);
    });
    const endpoint = `http://127.0.0.1:${port}`;
    await until("the service answers /healthz", async () => {
      if (child.exitCode !== null) throw new Error(`the service ended: ${output}`);
      return fetch(`${endpoint}/healthz`).then(
        (answer) => answer.ok,
        () => false,
      );
    });
    return new BenchService(endpoint, child);
  }

  get pid(): number {
    if (this.#process.pid === undefined) throw new Error("the service has not started");
    return this.#process.pid;
  }

  async create(dataFilter: string): Promise<void> {
    await this.rds.send(
      new CreateIntegrationCommand({
        IntegrationName: "bench",
        SourceArn: `arn:aws:rds:us-east-1:${account}:db:bench`,
        TargetArn: `arn:aws:redshift-serverless:us-east-1:${account}:namespace/${namespace}`,
        DataFilter: dataFilter,
      }),
    );
  }

  async active(deadlineMs = 600_000): Promise<void> {
    await until(
      "the integration is active",
      async () => {
        const { Integrations } = await this.rds.send(new DescribeIntegrationsCommand({}));
        const integration = Integrations?.[0];
        const errors = integration?.Errors ?? [];
        if (errors.length > 0) throw new Error(`the integration has errors: ${JSON.stringify(errors)}`);
        return integration?.Status === "active";
      },
      deadlineMs,
    );
  }

  /** Stops in order. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.rds.destroy();
    if (this.#process.exitCode !== null) return;
    this.#process.kill("SIGTERM");
    await once(this.#process, "exit");
  }
}

function configuration({ directory, sourceUrl, port }: ServiceOptions & { port: number }): string {
  return `
data_dir: ${join(directory, "data")}
listen:
  api: 127.0.0.1:${port}
credentials:
  - access_key_id: ${credentials.accessKeyId}
    secret_access_key: ${credentials.secretAccessKey}
sources:
  - name: bench
    engine: postgres
    url: ${sourceUrl}
targets:
  - name: bench
    engine: duckdb
    namespace_id: ${namespace}
`;
}
