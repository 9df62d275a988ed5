import { randomBytes, randomUUID } from "node:crypto";
import { join } from "node:path";
import type { QueryResultRow } from "pg";
import { Condition } from "../../src/base/condition.ts";
import { Deadline } from "../../src/base/deadline.ts";
import { SecretBytes } from "../../src/base/secret.ts";
import type { IntegrationError } from "../../src/model/integration.ts";
import { parseDataFilter } from "../../src/model/data-filter.ts";
import type { Block } from "../../src/model/replication/block.ts";
import type { OpenRequest, Source, SourceEngine } from "../../src/source/source.ts";
import { postgres } from "../../src/source/postgres/engine.ts";
import type { TestPostgres } from "./postgres.ts";
import { nameOf, StreamModel } from "./stream-model.ts";
import { TemporaryDirectory } from "./temporary.ts";
import { until } from "./until.ts";

/** A database of its own on a server that several tests share. */
export class TestDatabase {
  readonly name: string;
  readonly #server: TestPostgres;

  private constructor(server: TestPostgres, name: string) {
    this.#server = server;
    this.name = name;
  }

  static async make(server: TestPostgres): Promise<TestDatabase> {
    const name = `d_${randomUUID().slice(0, 8)}`;
    await server.run(`CREATE DATABASE ${name}`);
    return new TestDatabase(server, name);
  }

  /** Statements one after another in one session. */
  async run(...statements: string[]): Promise<void> {
    await this.#server.run(statements, this.name);
  }

  /** Rows of one query. */
  async rows<Row extends QueryResultRow>(sql: string): Promise<Row[]> {
    return this.#server.rows<Row>(sql, this.name);
  }

  async stream(options: Omit<RunOptions, "database"> = {}): Promise<StreamRun> {
    return StreamRun.start(this.#server, { ...options, database: this.name });
  }

  /** Not started yet. */
  async unstarted(options: Omit<RunOptions, "database"> = {}): Promise<StreamRun> {
    return StreamRun.make(this.#server, { ...options, database: this.name });
  }
}

export interface RunOptions {
  readonly filter?: string;
  readonly database?: string;
  /** Whose password is `secret`; else the administrator. */
  readonly user?: string;
  readonly catalogPollMs?: number;
  /** Else PostgreSQL. */
  readonly engine?: SourceEngine;
}

/** Where a source can be reached. */
interface Reachable {
  readonly url: () => string;
}

interface Running {
  readonly source: Source;
  readonly stop: AbortController;
  readonly done: Promise<Error | undefined>;
  /** What ended the stream: aborted as soon as it has ended. */
  readonly ended: AbortSignal;
}

/** The model reads what follows the last cut when the next cut arrives. */
class UncommittedBlocks {
  #blocks: Block[] = [];

  add(block: Block): void {
    const end = block.cuts.at(-1)?.after;
    const isPartial = end !== block.count;
    const done = end === undefined ? [] : [...this.#blocks, ...(isPartial ? [] : [block])];
    for (const { release } of done) release?.();
    this.#blocks = [...(end === undefined ? this.#blocks : []), ...(isPartial ? [block] : [])];
  }
}

type HeldCopies = "none" | "rows" | "changes";

/** One integration of a test: its names, its model of a target, and a stream that can be stopped and started. */
export class StreamRun implements AsyncDisposable {
  readonly model = new StreamModel();
  readonly notices: IntegrationError[] = [];
  engineVersion: string | undefined;
  /** What tables wait for at the source. */
  obstacle: IntegrationError | undefined;
  readonly integrationId = randomUUID();
  readonly #url: string;
  readonly #options: RunOptions;
  readonly #spool: TemporaryDirectory;
  filter: string;
  readonly #applied = new Condition();
  #heldCopies: HeldCopies = "none";
  /** Blocks of copies that still reach the target while copies are held. */
  #blocksBeforeHold = 0;
  #isHolding = false;
  #running: Running | undefined;

  private constructor(url: string, options: RunOptions, spool: TemporaryDirectory) {
    this.#url = url;
    this.#options = options;
    this.filter = options.filter ?? `include: ${options.database ?? "postgres"}.*.*`;
    this.#spool = spool;
  }

  static async make(server: Reachable, options: RunOptions = {}): Promise<StreamRun> {
    const url = new URL(server.url());
    url.username = options.user ?? url.username;
    return new StreamRun(url.href, options, await TemporaryDirectory.make());
  }

  /** Makes a run and starts it. */
  static async start(server: Reachable, options: RunOptions = {}): Promise<StreamRun> {
    const run = await StreamRun.make(server, options);
    await run.start();
    return run;
  }

  get request(): OpenRequest {
    const { database = "postgres", catalogPollMs = 50 } = this.#options;
    return {
      url: this.#url,
      database,
      integrationId: this.integrationId,
      scope: parseDataFilter(this.filter, "postgres"),
      progress: this.model.progress,
      spoolDirectory: join(this.#spool.path, "spool"),
      dataKey: new SecretBytes(randomBytes(32)),
      catalogPollMs,
      onVersion: (version) => (this.engineVersion = version),
      notice: (notice) => this.notices.push(notice),
      onWait: (obstacle) => (this.obstacle = obstacle),
    };
  }

  get spoolDirectory(): string {
    return join(this.#spool.path, "spool");
  }

  get isStopped(): boolean {
    return this.#running === undefined;
  }

  /** The stream has ended by itself. */
  get isEnded(): boolean {
    return this.#running?.ended.aborted === true;
  }

  get source(): Source {
    if (this.#running === undefined) throw new Error("the run is stopped");
    return this.#running.source;
  }

  async start(): Promise<void> {
    this.#isHolding = false;
    const stop = new AbortController();
    const source = await (this.#options.engine ?? postgres).open(this.request, stop.signal);
    const ended = new AbortController();
    const signal = AbortSignal.any([stop.signal, ended.signal]);
    const lane = async (work: () => Promise<void>): Promise<void> => {
      await work().catch((error: unknown) => {
        // The first failure is the one to report.
        ended.abort(error);
      });
    };
    const lanes = [lane(() => this.#read(source, signal)), lane(() => this.#readCopies(source, signal))];
    const done = Promise.all(lanes).then(() => ended.signal.reason as Error);
    this.#running = { source, stop, done, ended: ended.signal };
  }

  async #read(source: Source, signal: AbortSignal): Promise<void> {
    const blocks = new UncommittedBlocks();
    for await (const block of source.read(signal)) {
      this.model.apply(block);
      this.#applied.notify();
      blocks.add(block);
      if (this.model.checkpoint !== undefined && block.cuts.length > 0) source.confirm(this.model.checkpoint);
    }
  }

  async #readCopies(source: Source, signal: AbortSignal): Promise<void> {
    const blocks = new UncommittedBlocks();
    for await (const block of source.copies(signal)) {
      this.#isHolding = this.#holds(block);
      while (this.#holds(block) || !this.model.isAnnounced(block)) await this.#applied.wait(signal);
      this.#isHolding = false;
      const position = this.model.applyCopies(block);
      if (this.#blocksBeforeHold > 0 && this.#isHeldKind(block)) this.#blocksBeforeHold -= 1;
      blocks.add(block);
      if (position !== undefined) source.confirmCopies(position);
    }
  }

  /** What ended the stream, once it has ended by itself. */
  async failure(): Promise<Error | undefined> {
    return this.#running?.done;
  }

  /** As a crash: what is not behind a cut is gone. */
  async stop(): Promise<void> {
    const running = this.#running;
    this.#running = undefined;
    if (running === undefined) return;
    running.stop.abort(new Error("stopped"));
    await running.done;
    await running.source[Symbol.asyncDispose]();
    this.model.crash();
  }

  /**
   * From now on nothing of the copies reaches the target, or only the changes behind their rows do not.
   * `after`: once so many blocks have.
   */
  holdCopies(held: HeldCopies, after = 0): void {
    this.#heldCopies = held;
    this.#blocksBeforeHold = after;
    this.#isHolding = false;
    this.#applied.notify();
  }

  /** A block of a copy waits because copies are held. */
  get isHolding(): boolean {
    return this.#isHolding;
  }

  #holds(block: Block): boolean {
    return this.#blocksBeforeHold === 0 && this.#isHeldKind(block);
  }

  #isHeldKind({ isCopied, relations }: Block): boolean {
    const isChange = !isCopied && relations.length > 0;
    return this.#heldCopies === "rows" || (this.#heldCopies === "changes" && isChange);
  }

  async restart(): Promise<void> {
    await this.stop();
    await this.start();
  }

  /** Waits for what the model shows, and fails at once with what ended the stream. */
  async until(what: string, look: () => boolean): Promise<void> {
    const ended = this.#running?.ended;
    await until(what, () => {
      ended?.throwIfAborted();
      return look();
    });
  }

  async synced(...names: string[]): Promise<void> {
    try {
      await this.until(`${names.join()} synced`, () =>
        names.every((name) => this.model.phase(name)?.kind === "synced"),
      );
    } catch (error) {
      const phases = names.map((name) => [name, this.model.phase(name)]);
      const seen = { phases, events: this.model.events, obstacle: this.obstacle, notices: this.notices };
      throw new Error(`${(error as Error).message}; instead ${JSON.stringify(seen)}`, { cause: error });
    }
  }

  /** Names of tables that differ between source and model at one place of the log. */
  async differences(): Promise<string[]> {
    if (this.#running === undefined) throw new Error("the run is stopped");
    // A stream that has failed, or fails meanwhile, says why.
    using deadline = new Deadline(60_000, this.#running.ended);
    const { signal } = deadline;
    signal.throwIfAborted();
    await using standstill = await this.source.standstill(signal);
    await this.until("the place of the standstill", () => this.model.checkpoint === standstill.position);
    const held = this.model.digests();
    const { tables } = this.model.progress;
    standstill.release();
    const different: string[] = [];
    for (const { definition, phase } of tables) {
      if (phase.kind !== "synced") continue;
      const name = nameOf(definition);
      const reading = await standstill.digest(definition, signal);
      if (reading.kind === "unreadable") {
        different.push(`${name}: ${reading.reason.message}`);
        continue;
      }
      const wanted = reading.digest;
      const found = held.get(name);
      if (found?.rows !== wanted.rows || found.hash !== wanted.hash)
        different.push(`${name}: source ${JSON.stringify(wanted)}, target ${JSON.stringify(found)}`);
    }
    return different;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    await this.#spool[Symbol.asyncDispose]();
  }
}
