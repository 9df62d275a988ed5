import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { freePort } from "./postgres.ts";
import { until } from "./until.ts";

/** A mock of AWS in Python, which people test against, on a free port and with nothing in it. */
export class Moto implements AsyncDisposable {
  /** Such as `http://127.0.0.1:4599`. */
  readonly endpoint: string;
  readonly #end: () => Promise<void>;

  private constructor(endpoint: string, end: () => Promise<void>) {
    this.endpoint = endpoint;
    this.#end = end;
  }

  /** Throws with what to install. */
  static async start(): Promise<Moto> {
    const [program, ...parameters] = findMoto();
    const port = await freePort();
    const address = ["-H", "127.0.0.1", "-p", String(port)];
    // It writes a line for each request, which is its own affair and nobody's here.
    const child = spawn(program, [...parameters, ...address], { stdio: "ignore" });
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

type CommandLine = readonly [program: string, ...parameters: string[]];

function findMoto(): CommandLine {
  const candidates: readonly CommandLine[] = [["python3", "-m", "moto.server"], ["moto_server"]];
  const found = candidates.find(
    ([program, ...parameters]) => spawnSync(program, [...parameters, "--help"]).status === 0,
  );
  if (found === undefined)
    throw new Error("moto is not installed, which is needed here: pip install 'moto[server]'");
  return found;
}
