import {
  CreateIntegrationCommand,
  DeleteIntegrationCommand,
  DescribeIntegrationsCommand,
  RDSClient,
  type CreateIntegrationCommandInput,
  type Integration,
} from "@aws-sdk/client-rds";
import { Sha256 } from "@aws-crypto/sha256-js";
import { SignatureV4 } from "@smithy/signature-v4";
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { CopyReport } from "../../src/model/operator.ts";
import { built } from "./built.ts";
import { freePort } from "./postgres.ts";
import { until } from "./until.ts";

const pollMs = 50;
export const account = "000000000000";
export const region = "us-east-1";
const namespace = "11111111-2222-4333-8444-555555555555";
export const sourceArn = sourceArnOf("test");
export const targetArn = targetArnOf(namespace);
export const credentials = { accessKeyId: "AKIDTEST", secretAccessKey: "test-secret-key" };

export function sourceArnOf(name: string): string {
  return `arn:aws:rds:${region}:${account}:db:${name}`;
}

function targetArnOf(namespaceId: string): string {
  return `arn:aws:redshift-serverless:${region}:${account}:namespace/${namespaceId}`;
}

/** Of the targets beyond the first. */
export function moreTargetArn(index: number): string {
  return targetArnOf(moreNamespace(index));
}

function moreNamespace(index: number): string {
  return `22222222-2222-4333-8444-${String(index).padStart(12, "0")}`;
}

export interface ServiceOptions {
  /** For its data and its configuration; made when absent. A second service on the same one goes on where the first ended. */
  readonly directory: string;
  readonly sourceUrl: string;
  /** More of the configuration. */
  readonly settings?: string;
  /** Beyond the first; as many integrations can be of the one source. */
  readonly moreTargets?: number;
  /** What is put before the command that starts it. */
  readonly command?: readonly string[];
  /** Names of more sources, which are the same server, so that its target may have as many more integrations. */
  readonly otherSources?: readonly string[];
}

export interface Key {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

export interface VerifiedTable {
  readonly table: string;
  readonly result: string;
}

export interface OperatorIntegration {
  readonly id: string;
  readonly name: string;
  readonly status: string;
  readonly dataFilter: string;
  readonly errors: readonly unknown[];
  readonly streams: readonly {
    readonly sourceDatabase: string;
    readonly destinationDatabase: string;
    readonly phase: string;
    readonly copiesWaiting: number | null;
    /** Since the stream began to run, with the data filter that it has. */
    readonly copiedRows: number;
  }[];
  readonly tables: readonly {
    readonly table: string;
    readonly state: string;
    readonly rows: number;
    readonly copy: CopyReport | null;
  }[];
}

/** The real service in a process of its own, driven over the network as its users drive it. */
export class ServiceProcess implements AsyncDisposable {
  readonly endpoint: string;
  readonly rds: RDSClient;
  readonly #process: ChildProcess;
  #log = "";

  private constructor(endpoint: string, child: ChildProcess) {
    this.endpoint = endpoint;
    this.rds = new RDSClient({ endpoint, region, credentials, maxAttempts: 1 });
    this.#process = child;
    child.stderr?.on("data", (chunk: Buffer) => {
      this.#log = (this.#log + chunk.toString()).slice(-20_000);
    });
  }

  static async start(options: ServiceOptions): Promise<ServiceProcess> {
    const { directory, settings = "", command = [] } = options;
    await mkdir(directory, { recursive: true });
    const port = await freePort();
    const file = join(directory, "zeroetl.yaml");
    await writeFile(file, configuration({ ...options, port }) + settings, { mode: 0o600 });
    const [program, ...parameters] = [...command, process.execPath, await built(), "serve", "--config", file];
    const child = spawn(program, parameters, { stdio: ["ignore", "ignore", "pipe"] });
    const service = new ServiceProcess(`http://127.0.0.1:${port}`, child);
    await until("the service answers /healthz", () => service.#healthy());
    return service;
  }

  get pid(): number {
    if (this.#process.pid === undefined) throw new Error("the service has not started");
    return this.#process.pid;
  }

  /** The end of its log. */
  get log(): string {
    return this.#log;
  }

  async #healthy(): Promise<boolean> {
    if (this.#process.exitCode !== null) throw new Error(`the service ended: ${this.#log}`);
    const answer = await fetch(`${this.endpoint}/healthz`).catch(() => undefined);
    return answer?.ok === true;
  }

  async create(
    dataFilter: string,
    name = "test",
    over: Partial<CreateIntegrationCommandInput> = {},
  ): Promise<void> {
    await this.rds.send(
      new CreateIntegrationCommand({
        IntegrationName: name,
        SourceArn: sourceArn,
        TargetArn: targetArn,
        DataFilter: dataFilter,
        ...over,
      }),
    );
  }

  async describe(name = "test"): Promise<Integration> {
    const { Integrations } = await this.rds.send(
      new DescribeIntegrationsCommand({ IntegrationIdentifier: name }),
    );
    const [integration] = Integrations ?? [];
    if (integration === undefined) throw new Error("describe answers with one integration");
    return integration;
  }

  /** Waits for a status and gives the integration. */
  async status(wanted: string, { name = "test", deadlineMs = 60_000 } = {}): Promise<Integration> {
    let last: Integration | undefined;
    try {
      return await until(
        `the integration is ${wanted}`,
        async () => {
          last = await this.describe(name);
          if (last.Status === wanted) return last;
          // The API shares a thread with replication: asking without a pause would be measured too.
          await sleep(pollMs);
          return undefined;
        },
        deadlineMs,
      );
    } catch (cause) {
      const seen = JSON.stringify({ Status: last?.Status, Errors: last?.Errors });
      throw new Error(`waited for ${wanted}, saw ${seen}; log:\n${this.#log.slice(-3_000)}`, { cause });
    }
  }

  /** Deletes the integration and waits until it is gone. */
  async remove(name = "test"): Promise<void> {
    await this.rds.send(new DeleteIntegrationCommand({ IntegrationIdentifier: name }));
    await until("the integration is gone", async () => {
      const error: unknown = await this.describe(name).then(
        () => undefined,
        (thrown: unknown) => thrown,
      );
      return error instanceof Error && error.name === "IntegrationNotFoundFault";
    });
  }

  /** Rows of a query of the warehouse, as text. Throws what the service answers where it fails. */
  async query(sql: string, target = "test"): Promise<(string | null)[][]> {
    const lines = await this.#operator("query", { sql, target });
    return lines.flatMap((line) =>
      Array.isArray(line["rows"]) ? (line["rows"] as (string | null)[][]) : [],
    );
  }

  /** What verify says, line by line. A service that has just started is given time to connect to its source. */
  async verify(name = "test"): Promise<readonly Record<string, unknown>[]> {
    return until("the stream runs", () =>
      this.#operator("verify", { integration: name }).catch((error: unknown) => {
        if (String(error).includes("SOURCE_UNREACHABLE")) return undefined;
        throw error;
      }),
    );
  }

  /** What `zeroetl status` reports of all integrations. */
  async integrations(): Promise<readonly OperatorIntegration[]> {
    const [report] = await this.#operator("status", {});
    return (report as { integrations: OperatorIntegration[] } | undefined)?.integrations ?? [];
  }

  /** An access key that may do everything. */
  async createKey(user: string): Promise<Key> {
    const [made] = await this.#operator("create-key", { user });
    return { accessKeyId: String(made?.["id"]), secretAccessKey: String(made?.["secret"]) };
  }

  /** Our own command line's protocol: a signed JSON request. */
  async send(
    path: string,
    request: unknown,
    { key = credentials, signal }: { readonly key?: Key; readonly signal?: AbortSignal | undefined } = {},
  ): Promise<Response> {
    const body = JSON.stringify(request);
    const url = new URL(`${this.endpoint}/zeroetl/${path}`);
    const signer = new SignatureV4({ service: "zeroetl", region, credentials: key, sha256: Sha256 });
    const { headers } = await signer.sign({
      method: "POST",
      protocol: url.protocol,
      hostname: url.hostname,
      path: url.pathname,
      headers: { host: url.host, "content-type": "application/json" },
      body,
    });
    return fetch(url, { method: "POST", headers, body, signal: signal ?? null });
  }

  /** An answer of JSON lines. */
  async #operator(path: string, request: unknown): Promise<Record<string, unknown>[]> {
    const answer = await this.send(path, request);
    const text = await answer.text();
    if (!answer.ok) throw new Error(text);
    const lines = text
      .split("\n")
      .filter(Boolean)
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    if (lines.at(-1)?.["error"] !== undefined) throw new Error(text.slice(-2_000));
    return lines;
  }

  sendSignal(name: NodeJS.Signals): void {
    this.#process.kill(name);
  }

  /** The signal that ended it, or its exit status; undefined while it runs. */
  get ending(): NodeJS.Signals | number | undefined {
    return this.#process.signalCode ?? this.#process.exitCode ?? undefined;
  }

  /** As when the power fails. */
  async kill(): Promise<void> {
    await this.#end("SIGKILL");
  }

  /** Stops in order. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#end("SIGTERM");
  }

  async #end(how: NodeJS.Signals): Promise<void> {
    this.rds.destroy();
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    this.#process.kill(how);
    await once(this.#process, "exit");
  }
}

function configuration({
  directory,
  sourceUrl,
  moreTargets = 0,
  port,
  otherSources = [],
}: ServiceOptions & { port: number }): string {
  const more = Array.from(
    { length: moreTargets },
    (_, index) => `  - { name: more-${index}, engine: duckdb, namespace_id: ${moreNamespace(index)} }\n`,
  );
  const sources = ["test", ...otherSources].map(
    (name) => `  - { name: ${name}, engine: postgres, url: "${sourceUrl}" }`,
  );
  return `
data_dir: ${join(directory, "data")}
listen:
  api: 127.0.0.1:${port}
quotas:
  per_target: ${Math.max(50, sources.length)}
  per_source: ${Math.max(5, moreTargets + 1)}
credentials:
  - access_key_id: ${credentials.accessKeyId}
    secret_access_key: ${credentials.secretAccessKey}
sources:
${sources.join("\n")}
targets:
  - name: test
    engine: duckdb
    namespace_id: ${namespace}
${more.join("")}`;
}
