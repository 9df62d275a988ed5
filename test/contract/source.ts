import { describe, expect, test } from "vitest";
import { parseDataFilter } from "../../src/model/data-filter.ts";
import { stateName } from "../../src/model/replication/table-state.ts";
import type { SourceEngine, StreamRequest } from "../../src/source/source.ts";
import { StreamRun } from "../support/stream-run.ts";

/** A change of a table with the columns `id`, its key, and `body`, a text. */
export type SourceChange =
  | { readonly kind: "create"; readonly table: string }
  | {
      readonly kind: "insert" | "update";
      readonly table: string;
      readonly id: number;
      readonly body: string | null;
    }
  | { readonly kind: "delete"; readonly table: string; readonly id: number };

/** A source database of a test, which begins empty. */
export interface ContractSource extends AsyncDisposable {
  readonly engine: SourceEngine;
  readonly url: string;
  readonly database: string;
  /** Commits one transaction. */
  readonly commit: (changes: readonly SourceChange[]) => Promise<void>;
}

const never = new AbortController().signal;

function inserts(table: string, from: number, to: number): SourceChange[] {
  return Array.from({ length: to - from }, (_, index) => {
    const id = from + index;
    return { kind: "insert", table, id, body: id % 7 === 0 ? null : `${table} ${id}` };
  });
}

async function withTable(source: ContractSource, table = "a", rows = 50): Promise<void> {
  await source.commit([{ kind: "create", table }]);
  await source.commit(inserts(table, 0, rows));
}

async function unstarted({ engine, url, database }: ContractSource, filter?: string): Promise<StreamRun> {
  const options = filter === undefined ? {} : { filter };
  return StreamRun.make({ url: () => url }, { engine, database, ...options });
}

async function started(source: ContractSource, filter?: string): Promise<StreamRun> {
  const run = await unstarted(source, filter);
  await run.start();
  return run;
}

/**
 * What `src/source/source.ts` promises of every engine, as tests. An engine calls it with a function that makes a source
 * database. `StreamModel` reads the stream and throws at what must not happen: a row that is inserted twice, a change of
 * a row that is not there, an event in a wrong phase, a sequence that decreases or differs when it is read again.
 */
export function sourceContract(name: string, make: () => Promise<ContractSource>): void {
  describe(`the contract of sources: ${name}`, () => {
    beforeTheStream(make);
    copies(make);
    changes(make);
    standstills(make);
  });
}

function beforeTheStream(make: () => Promise<ContractSource>): void {
  test("a scope has the streams of its databases, and selects their tables", async () => {
    await using source = await make();
    const { engine, database } = source;
    const scope = parseDataFilter(`include: ${database}.public.a`, "postgres");
    const [stream = "", ...others] = engine.streams(scope);
    expect(others).toEqual([]);
    expect(engine.selects(scope, stream, { schema: "public", table: "a" })).toBe(true);
    expect(engine.selects(scope, stream, { schema: "public", table: "b" })).toBe(false);
    expect(() => engine.validateUrl(source.url)).not.toThrow();
    expect(() => engine.validateUrl("this is no url")).toThrow(
      expect.objectContaining({ code: "CONFIGURATION" }),
    );
  });

  test("the check finds nothing that blocks, and a database that is missing", async () => {
    await using source = await make();
    await withTable(source);
    await using run = await unstarted(source);
    const blocking = async (request: StreamRequest): Promise<string[]> =>
      (await source.engine.check(request, never))
        .filter(({ severity }) => severity === "blocks")
        .map(({ code }) => code);
    expect(await blocking(run.request)).toEqual([]);
    const scope = parseDataFilter("include: missing.*.*", "postgres");
    expect(await blocking({ ...run.request, database: "missing", scope })).toContain(
      "SOURCE_DATABASE_MISSING",
    );
  });

  test("a stream of a database that is missing cannot be opened", async () => {
    await using source = await make();
    await using run = await unstarted(source);
    const opening = source.engine.open({ ...run.request, database: "missing" }, never);
    await expect(opening).rejects.toMatchObject({ code: "SOURCE_DATABASE_MISSING" });
  });

  test("what a stream left at the source can be removed more than once", async () => {
    await using source = await make();
    await withTable(source);
    await using run = await started(source);
    await run.synced("public.a");
    await run.stop();
    await source.engine.remove(run.request, never);
    await source.engine.remove(run.request, never);
  });
}

function copies(make: () => Promise<ContractSource>): void {
  test("without progress every selected table is copied, and the version is reported", async () => {
    await using source = await make();
    for (const table of ["a", "b", "c"]) await withTable(source, table);
    const { database } = source;
    await using run = await started(source, `include: ${database}.public.a, include: ${database}.public.b`);
    await run.synced("public.a", "public.b");
    expect(run.model.copiedRows).toBe(100);
    expect(run.model.phase("public.c")).toBeUndefined();
    expect(run.engineVersion).toMatch(/^\d+/);
    expect(await run.differences()).toEqual([]);
  });

  test("the end of a copy requests a checkpoint, without which the pipeline holds copied rows back", async () => {
    await using source = await make();
    await withTable(source);
    await using run = await unstarted(source);
    const stop = new AbortController();
    await using open = await source.engine.open(run.request, stop.signal);
    const read = (async () => {
      for await (const block of open.read(stop.signal)) block.release?.();
    })();
    let rows = 0;
    for await (const block of open.copies(stop.signal)) {
      rows += block.isCopied ? block.count : 0;
      block.release?.();
      if (block.checkpointWanted && rows === 50) break;
    }
    stop.abort(new Error("enough"));
    await expect(read).rejects.toThrow("enough");
  });

  test("a table that is created later is copied, too", async () => {
    await using source = await make();
    await withTable(source);
    await using run = await started(source);
    await run.synced("public.a");
    await withTable(source, "later");
    await run.synced("public.later");
    expect(await run.differences()).toEqual([]);
  });

  test("changes of other tables arrive while a table is copied, and its own come with its copy", async () => {
    await using source = await make();
    await withTable(source);
    await using run = await started(source);
    await run.synced("public.a");
    run.holdCopies("rows");
    await withTable(source, "b");
    await run.until("the copy has started", () => run.model.phase("public.b")?.kind === "copying");
    await source.commit([...inserts("a", 100, 110), ...inserts("b", 100, 110)]);
    await source.commit([{ kind: "update", table: "b", id: 1, body: "while it is copied" }]);
    await run.until("the other table's rows", () => run.model.rows("public.a").length === 60);
    expect(run.model.phase("public.b")).toEqual({ kind: "copying" });
    run.holdCopies("none");
    await run.synced("public.b");
    expect(run.model.rows("public.b")).toHaveLength(60);
    expect(await run.differences()).toEqual([]);
  });

  test("a copy that was interrupted starts again", async () => {
    await using source = await make();
    await withTable(source);
    await using run = await unstarted(source);
    run.holdCopies("rows");
    await run.start();
    await run.until("the copy has started", () => run.model.phase("public.a")?.kind === "copying");
    await run.stop();
    run.holdCopies("none");
    await source.commit([{ kind: "delete", table: "a", id: 3 }]);
    await run.start();
    await run.synced("public.a");
    expect(await run.differences()).toEqual([]);
  });
}

function changes(make: () => Promise<ContractSource>): void {
  test("transactions arrive whole and in the order of their commits", async () => {
    await using source = await make();
    await withTable(source, "a", 0);
    await withTable(source, "b", 0);
    await using run = await started(source);
    await run.synced("public.a", "public.b");
    const seen: string[] = [];
    for (let number = 0; number < 20; number += 1)
      await source.commit([...inserts("a", number, number + 1), ...inserts("b", number, number + 1)]);
    await run.until("all rows", () => {
      const counts = ["public.a", "public.b"].map((table) => run.model.rows(table).length);
      seen.push(counts.join());
      return counts[0] === 20;
    });
    expect(seen.filter((counts) => counts.split(",")[0] !== counts.split(",")[1])).toEqual([]);
    await source.commit([
      { kind: "update", table: "a", id: 1, body: "first" },
      { kind: "update", table: "a", id: 1, body: "second" },
      { kind: "delete", table: "b", id: 1 },
      { kind: "insert", table: "b", id: 1, body: "again" },
      { kind: "delete", table: "a", id: 2 },
    ]);
    expect(await run.differences()).toEqual([]);
    expect(run.model.rows("public.a")).toContainEqual(["1", "second"]);
  });

  test("a stream that is opened at its checkpoint repeats nothing and loses nothing", async () => {
    await using source = await make();
    await withTable(source);
    await using run = await started(source);
    await run.synced("public.a");
    for (let round = 1; round <= 4; round += 1) {
      await source.commit(inserts("a", round * 100, round * 100 + 10));
      if (round % 2 === 0)
        await run.until("the rows", () => run.model.rows("public.a").length === 50 + round * 10);
      await run.stop();
      await source.commit([{ kind: "update", table: "a", id: 1, body: `while stopped ${round}` }]);
      await run.start();
    }
    expect(await run.differences()).toEqual([]);
    expect(run.model.rows("public.a")).toHaveLength(90);
    expect(run.model.copiedRows).toBe(50);
    const { phase } = run.model.progress.tables[0] ?? {};
    expect(phase && stateName(phase)).toBe("Synced");
  });

  test("reading ends with the signal's reason", async () => {
    await using source = await make();
    await withTable(source);
    await using run = await started(source);
    await run.synced("public.a");
    const stop = new AbortController();
    await run.stop();
    await using open = await source.engine.open(run.request, stop.signal);
    const reading = (async () => {
      for await (const block of open.read(stop.signal)) block.release?.();
    })();
    stop.abort(new Error("enough"));
    await expect(reading).rejects.toThrow("enough");
  });
}

function standstills(make: () => Promise<ContractSource>): void {
  test("a standstill stops the stream at exactly its position until it is released", async () => {
    await using source = await make();
    await withTable(source);
    await using run = await started(source);
    await run.synced("public.a");
    await source.commit(inserts("a", 100, 110));
    {
      await using standstill = await run.source.standstill(never);
      await source.commit(inserts("a", 200, 210));
      await run.until("its position", () => run.model.checkpoint === standstill.position);
      expect(run.model.rows("public.a")).toHaveLength(60);
      const table = run.model.progress.tables[0]?.definition;
      if (table === undefined) throw new Error("the table is known");
      const reading = await standstill.digest(table, never);
      expect(reading).toEqual({ kind: "read", digest: run.model.digests().get("public.a") });
      standstill.release();
      standstill.release();
      await run.until("the later rows", () => run.model.rows("public.a").length === 70);
      expect(await standstill.digest(table, never)).toEqual(reading);
    }
    expect(await run.differences()).toEqual([]);
  });

  test("a stream that has everything is complete as of a time after the last commit", async () => {
    await using source = await make();
    await withTable(source);
    const committed = Date.now();
    await using run = await started(source);
    await run.synced("public.a");
    await run.until("the stream is complete", () => (run.source.reach().completeAtMs ?? 0) >= committed);
    expect(run.source.reach().stall).toBeUndefined();
    expect([...(run.source.measures().copiesWaiting ?? [])]).toEqual([]);
  });
}
