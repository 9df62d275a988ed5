import { CreateDBInstanceCommand, RDSClient } from "@aws-sdk/client-rds";
import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { freePort } from "../test/support/postgres.ts";
import { credentials, region } from "../test/support/service.ts";
import { until } from "../test/support/until.ts";

/** A mock of AWS in Python, which people test against: the reference for the speed of an API. */
export class MotoServer implements AsyncDisposable {
  readonly endpoint: string;
  readonly #process: ChildProcess;

  private constructor(endpoint: string, child: ChildProcess) {
    this.endpoint = endpoint;
    this.#process = child;
  }

  /** Throws with what to install. */
  static async start(): Promise<MotoServer> {
    const [program, ...parameters] = findMoto();
    const port = await freePort();
    const address = ["-H", "127.0.0.1", "-p", String(port)];
    // It writes a line for each request, which is its own affair and nobody's here.
    const child = spawn(program, [...parameters, ...address], { stdio: "ignore" });
    const server = new MotoServer(`http://127.0.0.1:${port}`, child);
    await until("moto answers", () => server.#answers());
    return server;
  }

  async createInstances(count: number): Promise<void> {
    const rds = new RDSClient({ endpoint: this.endpoint, region, credentials });
    for (let number = 1; number <= count; number++)
      await rds.send(
        new CreateDBInstanceCommand({
          DBInstanceIdentifier: `instance-${number}`,
          DBInstanceClass: "db.t3.micro",
          Engine: "postgres",
          AllocatedStorage: 20,
          MasterUsername: "tester",
          MasterUserPassword: "not-a-real-one",
        }),
      );
    rds.destroy();
  }

  async #answers(): Promise<boolean> {
    if (this.#process.exitCode !== null) throw new Error(`moto ended with ${this.#process.exitCode}`);
    const answer = await fetch(`${this.endpoint}/moto-api/data.json`).catch(() => undefined);
    return answer?.ok === true;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    this.#process.kill("SIGTERM");
    await once(this.#process, "exit");
  }
}

type CommandLine = readonly [program: string, ...parameters: string[]];

function findMoto(): CommandLine {
  const candidates: readonly CommandLine[] = [["python3", "-m", "moto.server"], ["moto_server"]];
  const found = candidates.find(
    ([program, ...parameters]) => spawnSync(program, [...parameters, "--help"]).status === 0,
  );
  if (found === undefined)
    throw new Error("moto is not installed, which the reference needs: pip install 'moto[server]'");
  return found;
}
