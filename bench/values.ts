import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { TestPostgres } from "../test/support/postgres.ts";
import { until } from "../test/support/until.ts";
import { percentile, print, shown } from "./report.ts";
import { Meter, residentMiB } from "./usage.ts";
import { ServiceProcess } from "../test/support/service.ts";

export interface ValuesOptions {
  /** Sizes of values, such as `1kB` or `200MB`. */
  readonly sizes: readonly string[];
  /** Of a table, and of a transaction; fewer rows than one are one. */
  readonly totalMB: number;
  readonly types: readonly ValueType[];
  readonly paths: readonly ValuePath[];
  readonly contents: readonly ValueContent[];
  /** The target's `memory`. */
  readonly memory: readonly string[];
  /** Also compares every table by `verify`. */
  readonly verify: boolean;
}

export const valueTypes = ["text", "bytea", "jsonb"] as const;
export const valuePaths = ["copy", "stream"] as const;
export const valueContents = ["random", "compressible"] as const;
type ValueType = (typeof valueTypes)[number];
type ValuePath = (typeof valuePaths)[number];
type ValueContent = (typeof valueContents)[number];

interface Case {
  readonly size: string;
  readonly bytes: number;
  readonly rows: number;
  readonly type: ValueType;
  readonly path: ValuePath;
  readonly content: ValueContent;
}

const arrivalMs = 600_000;
const idleAboveMiB = 150;
const backToIdleMs = 60_000;
const blockBytes = 1 << 20;

/**
 * Tables and transactions of large values, each alone, beside a table that changes all the time: whether they arrive,
 * what memory they take and leave, and how late the other table is meanwhile.
 */
export async function benchValues(options: ValuesOptions): Promise<void> {
  const cases = casesOf(options);
  for (const memory of options.memory) {
    print(`memory ${memory}: ${cases.length} cases`);
    print(heading);
    const directory = await mkdtemp(join(tmpdir(), "zeroetl-bench-"));
    try {
      await using server = await TestPostgres.start({
        settings: { shared_buffers: "512MB", max_wal_size: "8GB" },
      });
      await prepare(server);
      for (const [index, one] of cases.entries()) {
        // A service of its own for each, since what an earlier case left in memory is not this one's.
        const home = join(directory, String(index));
        await using service = await ServiceProcess.start({
          directory: home,
          sourceUrl: server.url(),
          settings: `    memory: ${memory}\n`,
        });
        await new CaseRun(server, service, one).run(options.verify);
        await service.remove();
        await server.run("DROP TABLE IF EXISTS big.v");
      }
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  }
}

const heading = [
  "size".padEnd(7),
  "rows".padStart(8),
  "type".padStart(6),
  "path".padStart(7),
  "content".padStart(13),
  "arrived".padStart(9),
  "cpu/GB".padStart(9),
  "peak".padStart(9),
  "back".padStart(9),
  "lag p99".padStart(9),
  "lag max".padStart(9),
  " result (cpu, the service's, and times in s; peak, back: MiB above idle)",
].join("");

function casesOf({ sizes, totalMB, types, paths, contents }: ValuesOptions): Case[] {
  return sizes.flatMap((size) => {
    const bytes = bytesOf(size);
    const rows = Math.max(1, Math.floor((totalMB * 1e6) / bytes));
    return types.flatMap((type) =>
      paths.flatMap((path) => contents.map((content) => ({ size, bytes, rows, type, path, content }))),
    );
  });
}

function bytesOf(size: string): number {
  const [, amount, unit] = /^(\d+)(kB|MB)$/.exec(size) ?? [];
  if (amount === undefined) throw new Error(`a size is written as 64kB or 10MB, and not ${size}`);
  return Number(amount) * (unit === "kB" ? 1e3 : 1e6);
}

async function prepare(server: TestPostgres): Promise<void> {
  await server.run([
    "CREATE SCHEMA big",
    "CREATE TABLE beat (id int PRIMARY KEY, n int)",
    "INSERT INTO beat VALUES (1, 0)",
    "CREATE TABLE blocks (content text PRIMARY KEY, block text)",
    // A part of a block is read without the rest of it.
    "ALTER TABLE blocks ALTER block SET STORAGE EXTERNAL",
    `INSERT INTO blocks SELECT 'random', string_agg(md5(i::text), '') FROM generate_series(1, ${blockBytes / 32}) AS i`,
    `INSERT INTO blocks VALUES ('compressible', repeat('{"the": "same"} ', ${blockBytes / 16}))`,
  ]);
}

/** Expression of a value that begins with the row's number `i`. */
function valueOf({ bytes, type }: Case): string {
  const times = Math.ceil(bytes / blockBytes);
  if (type === "jsonb") {
    const block = `substr(block, 1, ${Math.min(bytes, blockBytes)})`;
    return `jsonb_build_array(i) || to_jsonb(array_fill(${block}, ARRAY[${times}]))`;
  }
  const text =
    times === 1 ? `i || substr(block, 1, ${bytes})` : `substr(i || repeat(block, ${times}), 1, ${bytes})`;
  return type === "bytea" ? `convert_to(${text}, 'UTF8')` : text;
}

interface CaseResult {
  /** Until all rows had arrived, as are the processor time and the peak above idle. */
  readonly seconds: number;
  readonly cpuPerGB: number;
  readonly peakMiB: number;
  readonly back: string;
  readonly lags: readonly number[];
  readonly result: string;
}

class CaseRun {
  readonly #server: TestPostgres;
  readonly #service: ServiceProcess;
  readonly #case: Case;

  constructor(server: TestPostgres, service: ServiceProcess, one: Case) {
    this.#server = server;
    this.#service = service;
    this.#case = one;
  }

  async run(verify: boolean): Promise<void> {
    const service = this.#service;
    await service.create("include: postgres.public.beat, include: postgres.big.*");
    await service.status("active");
    if (this.#case.path === "stream") await this.#makeTable();
    await sleep(3_000);
    const meter = Meter.start(service.pid);
    const stop = new AbortController();
    const beat = { times: [] as number[], lags: [] as number[] };
    const beating = Promise.all([this.#beat(beat, stop.signal), this.#watch(beat, stop.signal)]);
    const started = performance.now();
    await this.#write();
    const failure = await this.#arrival();
    const seconds = (performance.now() - started) / 1000;
    const { idleMiB, peakMiB, cpuSeconds } = meter.used();
    await sleep(1_000);
    stop.abort();
    await beating;
    const back = await this.#back(idleMiB);
    const result = failure ?? (await this.#compare(verify));
    const cpuPerGB = (cpuSeconds * 1e9) / (this.#case.rows * this.#case.bytes);
    this.#print({ seconds, cpuPerGB, peakMiB: peakMiB - idleMiB, back, lags: beat.lags, result });
  }

  #print(found: CaseResult): void {
    const { size, rows, type, path, content } = this.#case;
    print(
      [
        size.padEnd(7),
        String(rows).padStart(8),
        type.padStart(6),
        path.padStart(7),
        content.padStart(13),
        found.seconds.toFixed(1).padStart(9),
        shown(found.cpuPerGB, "", 1).padStart(9),
        shown(found.peakMiB).padStart(9),
        found.back.padStart(9),
        (percentile(found.lags, 0.99) / 1000).toFixed(1).padStart(9),
        (Math.max(...found.lags) / 1000).toFixed(1).padStart(9),
        ` ${found.result}`,
      ].join(""),
    );
  }

  async #makeTable(): Promise<void> {
    await this.#server.run([
      `CREATE TABLE big.v (id int PRIMARY KEY, v ${this.#case.type})`,
      `ALTER TABLE big.v ALTER v SET STORAGE ${this.#case.content === "random" ? "EXTERNAL" : "EXTENDED"}`,
    ]);
    await until("the table is replicated", () =>
      this.#service.query("SELECT 1 FROM postgres.big.v").then(
        () => true,
        () => false,
      ),
    );
  }

  /** All rows in one transaction; for a copy, that which makes the table. */
  async #write(): Promise<void> {
    const { content, path, rows } = this.#case;
    const client = await this.#server.connect();
    try {
      await client.query("BEGIN");
      if (path === "copy") {
        await client.query(`CREATE TABLE big.v (id int PRIMARY KEY, v ${this.#case.type})`);
        await client.query(
          `ALTER TABLE big.v ALTER v SET STORAGE ${content === "random" ? "EXTERNAL" : "EXTENDED"}`,
        );
      }
      await client.query(
        `INSERT INTO big.v SELECT i, ${valueOf(this.#case)} FROM generate_series(1, ${rows}) AS i, blocks
         WHERE content = '${content}'`,
      );
      await client.query("COMMIT");
    } finally {
      await client.end();
    }
  }

  /** Undefined when all rows are there, or why the table has failed. */
  async #arrival(): Promise<string | undefined> {
    const { rows } = this.#case;
    const end = performance.now() + arrivalMs;
    while (performance.now() < end) {
      await sleep(100);
      const [found] = await this.#service.query("SELECT count(*) FROM postgres.big.v").catch(() => []);
      if (Number(found?.[0]) === rows) return undefined;
      const { Errors = [] } = await this.#service.describe();
      const failed = Errors.find(({ ErrorMessage = "" }) => ErrorMessage.includes("v"));
      if (failed !== undefined) return `${failed.ErrorCode}: ${failed.ErrorMessage}`;
    }
    return "did not arrive";
  }

  async #compare(verify: boolean): Promise<string> {
    const length = (value: string): string => `sum(length(CAST(${value} AS text)))`;
    const sql = this.#case.type === "bytea" ? "sum(octet_length(v))" : length("v");
    const [source] = await this.#server.rows<{ sum: string }>(`SELECT ${sql}::text AS sum FROM big.v`);
    const [target] = await this.#service.query(`SELECT CAST(${sql} AS VARCHAR) FROM postgres.big.v`);
    if (this.#case.type !== "jsonb" && source?.sum !== target?.[0])
      return `DIFFERENT: ${source?.sum} bytes and ${String(target?.[0])}`;
    if (!verify) return "arrived";
    const lines = await this.#service.verify();
    const line = lines.find((one) => one["table"] === "v");
    return `arrived, ${String(line?.["result"])}`;
  }

  async #beat({ times }: { times: number[] }, stop: AbortSignal): Promise<void> {
    const client = await this.#server.connect();
    const [row] = await this.#server.rows<{ n: number }>("SELECT n FROM beat");
    times.length = row?.n ?? 0;
    try {
      while (!stop.aborted) {
        await client.query("UPDATE beat SET n = n + 1");
        times.push(performance.now());
        await sleep(100);
      }
    } finally {
      await client.end();
    }
  }

  /** How old the newest change is that a query of the warehouse does not show yet, at every look. */
  async #watch(beat: { times: number[]; lags: number[] }, stop: AbortSignal): Promise<void> {
    while (!stop.aborted) {
      const [row] = await this.#service.query("SELECT n FROM postgres.public.beat").catch(() => []);
      const next = beat.times[Number(row?.[0])];
      if (row !== undefined) beat.lags.push(next === undefined ? 0 : performance.now() - next);
      await sleep(50);
    }
  }

  /** Resident memory above idle, as soon as it is little enough, or after a minute. */
  async #back(idleMiB: number): Promise<string> {
    const above = (): number => residentMiB(this.#service.pid) - idleMiB;
    await until("memory is given back", () => above() <= idleAboveMiB, backToIdleMs).catch(() => {});
    return shown(above());
  }
}
