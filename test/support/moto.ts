import { spawn } from "node:child_process";
import { once } from "node:events";
import { freePort } from "./postgres.ts";
import { until } from "./until.ts";

/** Somebody else's server of the AWS API, on a free port, with nothing in it. */
export class Moto implements AsyncDisposable {
  /** Such as `http://127.0.0.1:4599`. */
  readonly endpoint: string;
  readonly #end: () => Promise<void>;

  private constructor(endpoint: string, end: () => Promise<void>) {
    this.endpoint = endpoint;
    this.#end = end;
  }

  static async start(): Promise<Moto> {
    const port = await freePort();
    const parameters = ["-m", "moto.server", "-H", "127.0.0.1", "-p", String(port)];
    const child = spawn("python3", parameters, { stdio: "ignore" });
    const moto = new Moto(`http://127.0.0.1:${port}`, async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const ended = once(child, "exit");
      child.kill("SIGKILL");
      await ended;
    });
    try {
      await until("moto answers", async () => {
        if (child.exitCode !== null) throw new Error("moto has ended");
        return (await fetch(`${moto.endpoint}/moto-api/data.json`).catch(() => undefined))?.ok;
      });
    } catch (error) {
      await moto.stop();
      throw error;
    }
    return moto;
  }

  /** As when the server is away. May be called twice. */
  async stop(): Promise<void> {
    await this.#end();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}
