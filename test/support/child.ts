import { spawn, type ChildProcessByStdio } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import { fileURLToPath } from "node:url";

const loader = fileURLToPath(new URL("./typescript.mjs", import.meta.url));

/** A TypeScript file that runs in a Node process of its own, for tests that kill it. Disposing of it kills it. */
export class TypeScriptChild implements AsyncDisposable {
  readonly #process: ChildProcessByStdio<Writable, Readable, null>;
  readonly #lines: AsyncIterator<string>;
  readonly #exit: Promise<unknown>;

  private constructor(child: ChildProcessByStdio<Writable, Readable, null>) {
    this.#process = child;
    this.#exit = once(child, "exit");
    this.#lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  }

  static start(file: URL, ...parameters: string[]): TypeScriptChild {
    const options = ["--import", loader, fileURLToPath(file), ...parameters];
    return new TypeScriptChild(spawn(process.execPath, options, { stdio: ["pipe", "pipe", "inherit"] }));
  }

  get pid(): number | undefined {
    return this.#process.pid;
  }

  /** The next line of its standard output; undefined after the last. */
  async line(): Promise<string | undefined> {
    const { done, value } = await this.#lines.next();
    return done === true ? undefined : value;
  }

  /** As the plug is pulled: it gets no chance to tidy up. */
  async kill(): Promise<void> {
    this.#process.kill("SIGKILL");
    await this.#exit;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
  }
}
