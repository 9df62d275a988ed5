import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { runClient } from "./clients.ts";

interface Block {
  readonly language: string;
  /** That the block is a part of, for what is not run by itself. */
  readonly file: string | undefined;
  readonly text: string;
}

export interface Step {
  /** Lines for a shell. */
  readonly commands: string;
  /** What the page says that they print; undefined where it says nothing. */
  readonly output: string | undefined;
}

/**
 * A page of the documentation whose code is run as written. Blocks of `sh` are run one after another in one shell; an
 * `output` is what the block before it prints; any other block names the file that it is a part of.
 */
export class ClientPage {
  readonly files: ReadonlyMap<string, string>;
  readonly steps: readonly Step[];
  /** Lines of code and output. */
  readonly lines: readonly string[];

  private constructor(blocks: readonly Block[]) {
    this.lines = blocks.flatMap(({ text }) => text.split("\n"));
    const parts = blocks.filter(({ language }) => language !== "sh" && language !== "output");
    const files = new Map<string, string>();
    for (const { file, language, text } of parts) {
      if (file === undefined) throw new Error(`a block of ${language} does not say which file it belongs to`);
      files.set(file, `${files.get(file) ?? ""}${text}\n`);
    }
    this.files = files;
    this.steps = blocks.flatMap(({ language, text }, index) => {
      const next = blocks[index + 1];
      return language === "sh"
        ? [{ commands: text, output: next?.language === "output" ? next.text : undefined }]
        : [];
    });
  }

  static async read(name: string): Promise<ClientPage> {
    const page = await readFile(new URL(`../../docs/clients/${name}`, import.meta.url), "utf8");
    const blocks = [...page.matchAll(/^```(\w+)(?: (\S+))?\n(.*?)^```$/gms)];
    return new ClientPage(blocks.map(([, language = "", file, text = ""]) => ({ language, file, text })));
  }

  /** Runs the page in a directory and gives what each step printed. Throws with standard error when a step fails. */
  async run(directory: string, environment: Readonly<Record<string, string>>): Promise<string[]> {
    for (const [name, text] of this.files) await writeFile(join(directory, name), text);
    const separator = "-- the next step --";
    const steps = this.steps.map(({ commands }) => commands).join(`echo '${separator}'\n`);
    const output = await runClient({
      program: "bash",
      parameters: ["-e", "-o", "pipefail", "-c", `cd '${directory}'\n${steps}`],
      environment,
      timeoutMs: 400_000,
    });
    return output.split(`${separator}\n`);
  }
}
