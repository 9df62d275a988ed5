// Takes the lock of a directory and keeps it until it is killed. Prints `locked`, or the code of the refusal.
import { DirectoryLock } from "../../src/base/directory-lock.ts";
import { CodedError } from "../../src/base/errors.ts";

const [, , directory = ""] = process.argv;
try {
  await DirectoryLock.take(directory);
  process.stdout.write("locked\n");
  setInterval(() => {}, 1_000);
} catch (error) {
  if (!(error instanceof CodedError)) throw error;
  process.stdout.write(`${error.code}\n`);
}
