import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, readdir, rm, stat, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { until } from "./until.ts";

const run = promisify(execFile);
// The benches run compiled, from dist/: the project is where its package.json is.
const root = fileURLToPath(
  new URL(
    [".", "../..", "../../.."].find((up) => existsSync(new URL(`${up}/package.json`, import.meta.url))) ??
      ".",
    import.meta.url,
  ),
);
const stamp = join(root, "dist", ".built");
const lock = join(root, "dist", ".building");

/** Compiles what the tests spawn, unless it is newer than the sources. Safe to call from parallel test files. */
export async function built(): Promise<string> {
  await mkdir(join(root, "dist"), { recursive: true });
  await until("another build ends", async () => (await upToDate()) || (await build()), 120_000);
  return join(root, "bin", "zeroetl.cjs");
}

async function upToDate(): Promise<boolean> {
  const builtAt = (await stat(stamp).catch(() => undefined))?.mtimeMs ?? 0;
  for (const folder of ["src", "bench"]) {
    const files = await readdir(join(root, folder), { recursive: true });
    for (const file of files) {
      const { mtimeMs } = await stat(join(root, folder, file));
      if (file.endsWith(".ts") && mtimeMs > builtAt) return false;
    }
  }
  return true;
}

/** False where another process builds. A build whose process died is taken over after a minute. */
async function build(): Promise<boolean> {
  try {
    await mkdir(lock);
  } catch {
    const age = Date.now() - ((await stat(lock).catch(() => undefined))?.mtimeMs ?? Date.now());
    if (age > 60_000) await rm(lock, { recursive: true, force: true });
    return false;
  }
  try {
    const started = new Date();
    await run(
      process.execPath,
      [join(root, "node_modules/typescript/bin/tsc"), "-p", "tsconfig.build.json"],
      {
        cwd: root,
      },
    );
    await writeFile(stamp, "");
    await utimes(stamp, started, started);
    return true;
  } finally {
    await rm(lock, { recursive: true, force: true });
  }
}
