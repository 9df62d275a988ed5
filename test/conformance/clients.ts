import { spawn, type ChildProcessByStdio } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import { fileURLToPath } from "node:url";
import * as rds from "@aws-sdk/client-rds";
import * as redshift from "@aws-sdk/client-redshift";
import * as serverless from "@aws-sdk/client-redshift-serverless";
import * as sts from "@aws-sdk/client-sts";
import type { ServiceName } from "../../src/api/services.ts";
import { credentials, region } from "../support/aws-service.ts";
import { clientEnvironment } from "../support/clients.ts";
import { ServiceModel, type ServiceDescription } from "./service-model.ts";

/** What a client made of an answer. */
export type Parsed =
  | { readonly output: unknown }
  | {
      readonly error: {
        /** On the wire, where the client shows it. */
        readonly code?: string;
        /** What the client calls it: of the shape where the error is declared. */
        readonly name?: string;
        readonly status?: number;
        readonly message: string;
      };
    };

export interface ClientCall {
  readonly service: ServiceName;
  readonly action: string;
  readonly input: Readonly<Record<string, unknown>>;
}

const script = fileURLToPath(new URL("../clients/conformance.py", import.meta.url));

/** boto3 and the AWS CLI, in one Python process that makes the calls it is told to make. */
export class PythonClients implements AsyncDisposable {
  readonly models: ReadonlyMap<string, ServiceModel>;
  /** Of botocore, whose models they are. */
  readonly version: string;
  readonly #process: ChildProcessByStdio<Writable, Readable, null>;
  readonly #lines: AsyncIterator<string>;

  private constructor(
    child: ChildProcessByStdio<Writable, Readable, null>,
    lines: AsyncIterator<string>,
    { botocore, models }: Introduction,
  ) {
    this.#process = child;
    this.#lines = lines;
    this.version = botocore;
    this.models = new Map(
      Object.entries(models).map(([name, description]) => [name, new ServiceModel(name, description)]),
    );
  }

  static async start(endpoint: string, services: readonly ServiceName[]): Promise<PythonClients> {
    const child = spawn("python3", [script, endpoint, ...services], {
      stdio: ["pipe", "pipe", "inherit"],
      // oxlint-disable-next-line node/no-process-env -- the clients need PATH and the like
      env: { ...process.env, ...clientEnvironment({ ...credentials, region }) },
    });
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    return new PythonClients(child, lines, (await nextLine(lines)) as Introduction);
  }

  async call(call: ClientCall): Promise<{ readonly boto3: Parsed; readonly cli: Parsed }> {
    this.#process.stdin.write(`${JSON.stringify(call)}\n`);
    return (await nextLine(this.#lines)) as { boto3: Parsed; cli: Parsed };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#process.exitCode !== null) return;
    this.#process.stdin.end();
    await once(this.#process, "exit");
  }
}

interface Introduction {
  readonly botocore: string;
  readonly models: Readonly<Record<string, ServiceDescription>>;
}

async function nextLine(lines: AsyncIterator<string>): Promise<unknown> {
  const { done, value } = await lines.next();
  if (done === true) throw new Error("the Python clients have ended; standard error says why");
  return JSON.parse(value);
}

interface SdkClient {
  readonly send: (command: unknown) => Promise<object>;
  readonly destroy: () => void;
}

type Commands = Readonly<Record<string, unknown>>;

/** The AWS SDK for JavaScript: one client a service. */
export class SdkClients implements Disposable {
  readonly #services: Readonly<
    Record<ServiceName, { readonly client: SdkClient; readonly commands: Commands }>
  >;

  constructor(endpoint: string) {
    const options = { endpoint, region, credentials, maxAttempts: 1 };
    this.#services = {
      rds: { client: new rds.RDSClient(options) as SdkClient, commands: rds },
      redshift: { client: new redshift.RedshiftClient(options) as SdkClient, commands: redshift },
      "redshift-serverless": {
        client: new serverless.RedshiftServerlessClient(options) as SdkClient,
        commands: serverless,
      },
      sts: { client: new sts.STSClient(options) as SdkClient, commands: sts },
    };
  }

  async call({ service, action, input }: ClientCall): Promise<Parsed> {
    const { client, commands } = this.#services[service];
    const Command = commands[`${action}Command`] as new (input: object) => unknown;
    try {
      const { $metadata: _, ...output } = (await client.send(new Command(input))) as { $metadata: unknown };
      return { output };
    } catch (error) {
      if (!(error instanceof Error && "$metadata" in error)) throw error;
      const { httpStatusCode: status } = error.$metadata as { httpStatusCode: number };
      return { error: { name: error.name, status, message: error.message } };
    }
  }

  [Symbol.dispose](): void {
    for (const { client } of Object.values(this.#services)) client.destroy();
  }
}
