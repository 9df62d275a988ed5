import { execFileSync } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";

/** Where distributions put PostgreSQL's client programs beside the PATH. */
const otherFolders = [
  "/usr/lib/postgresql/*/bin",
  "/usr/local/opt/postgresql*/bin",
  "/opt/homebrew/opt/postgresql*/bin",
];

/** The path of a client program of PostgreSQL, which the references are measured with. Throws with what to install. */
export function findProgram(name: "psql" | "pg_recvlogical", path: string): string {
  const folders = [...path.split(delimiter), ...otherFolders.flatMap(glob)];
  const found = folders.map((folder) => join(folder, name)).find(executable);
  if (found === undefined)
    throw new Error(
      `${name} is not installed: the reference needs PostgreSQL's client programs (Debian: postgresql-client, postgresql).`,
    );
  return found;
}

function glob(pattern: string): string[] {
  const shell = execFileSync("/bin/sh", ["-c", `ls -d ${pattern} 2>/dev/null | sort -r || true`]);
  return shell.toString().split("\n").filter(Boolean);
}

function executable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
