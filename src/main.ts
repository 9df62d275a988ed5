import { runCommandLine } from "./cli/program.ts";
import { endWithReader } from "./cli/terminal.ts";

/** What may still be open once a command has ended must not keep the process; it is given this long. */
const lingerMs = 1000;

endWithReader();
process.exitCode = await runCommandLine(process.argv.slice(2));
setTimeout(() => process.exit(), lingerMs).unref();
