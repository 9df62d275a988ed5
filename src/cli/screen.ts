import type { Terminal } from "./terminal.ts";

const enter = "\u001b[?1049h\u001b[?25l\u001b[?7l";
const leave = "\u001b[?7h\u001b[?25h\u001b[?1049l";

/** The alternate screen of a terminal: the previous contents are restored afterwards. */
export class Screen implements AsyncDisposable {
  readonly #terminal: Terminal;
  /** For a process that ends without having left the screen. */
  readonly #onExit = (): void => void process.stdout.write(leave);

  private constructor(terminal: Terminal) {
    this.#terminal = terminal;
    process.on("exit", this.#onExit);
  }

  static async open(terminal: Terminal): Promise<Screen> {
    const screen = new Screen(terminal);
    await terminal.write(enter);
    return screen;
  }

  /** Draws as many of the lines as fit in the window, from the first one; the last line shows how many are left. */
  async draw(lines: readonly string[]): Promise<void> {
    const { rows } = this.#terminal;
    const fitting = lines.length <= rows ? lines : lines.slice(0, rows - 1);
    const left = lines.length - fitting.length;
    const shown = left === 0 ? fitting : [...fitting, `… and ${left} more lines`];
    await this.#terminal.write(`\u001b[H${shown.map((line) => `${line}\u001b[K`).join("\r\n")}\u001b[J`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    process.off("exit", this.#onExit);
    await this.#terminal.write(leave);
  }
}
