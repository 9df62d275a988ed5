import { endProcess, lastWords } from "./base/end-process.ts";
import { runCommandLine } from "./cli/program.ts";
import { surviveClosedOutput } from "./cli/terminal.ts";

/** What may still be open once a command has ended must not keep the process; it is given this long. */
const lingerMs = 1000;

// Node would end the process by process.exit(), which can wait for ever.
process.on("uncaughtException", (error) => {
  lastWords(`zeroetl: This is a bug in zeroetl: ${error instanceof Error ? error.stack : String(error)}\n`);
  endProcess(1);
});
surviveClosedOutput();
const status = await runCommandLine(process.argv.slice(2));
process.exitCode = status;
setTimeout(() => endProcess(status), lingerMs).unref();
