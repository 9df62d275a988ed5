import { expect, test } from "vitest";
import { until } from "../../../test/support/until.ts";
import type { QueryResult } from "../../target/target.ts";
import { QueryTurns } from "./query-turns.ts";

const never = new AbortController().signal;
const limits = { timeoutMs: 60_000, concurrent: 3, perKey: 2 };

/** Queries that run until they are read to the end, given up or stopped. */
class Queries {
  readonly started: string[] = [];
  readonly ended: string[] = [];

  start(name: string): (signal: AbortSignal) => Promise<QueryResult> {
    return async (signal) => {
      this.started.push(name);
      const end = (): void => void this.ended.push(name);
      const next = async (): Promise<IteratorResult<(string | null)[][], undefined>> => {
        signal.throwIfAborted();
        return { done: true, value: undefined };
      };
      const finish = async () => {
        end();
        return { done: true as const, value: undefined };
      };
      const rows = { [Symbol.asyncIterator]: () => ({ next, return: finish }) };
      return { columns: [], notices: [], rows };
    };
  }
}

const read = (result: QueryResult) => result.rows[Symbol.asyncIterator]().next();

test("few queries run at once, fewer of one key; the others wait in line", async () => {
  const queries = new Queries();
  const turns = new QueryTurns(limits);
  const run = (key: string, name: string) => turns.run(key, never, queries.start(name));
  const first = await run("ann", "a1");
  await run("ann", "a2");
  const third = run("ann", "a3");
  const other = await run("bob", "b1");
  const fourth = run("bob", "b2");
  expect(queries.started).toEqual(["a1", "a2", "b1"]);
  await read(other);
  await fourth;
  expect(queries.started).toEqual(["a1", "a2", "b1", "b2"]);
  await first.rows[Symbol.asyncIterator]().return?.();
  await third;
  expect(queries.started).toEqual(["a1", "a2", "b1", "b2", "a3"]);
});

test("a query that fails at its start gives its turn back", async () => {
  const turns = new QueryTurns({ ...limits, concurrent: 1 });
  const failing = async (): Promise<QueryResult> => Promise.reject(new Error("broken"));
  for (let turn = 0; turn < 3; turn++)
    await expect(turns.run("ann", never, failing)).rejects.toThrow("broken");
});

test("a query is stopped when its time is up, whether or not anybody reads it", async () => {
  const queries = new Queries();
  const turns = new QueryTurns({ ...limits, timeoutMs: 20 });
  const result = await turns.run("ann", never, queries.start("slow"));
  await until("it has been stopped", () => queries.ended.includes("slow"));
  await expect(read(result)).rejects.toMatchObject({
    code: "QUERY_TIMEOUT",
    message: "The query was cancelled: it was not done after 0.02 seconds.",
  });
});

test("a client that leaves gives its turn, or its place in the line, back", async () => {
  const queries = new Queries();
  const turns = new QueryTurns({ ...limits, concurrent: 1 });
  const [running, waiting] = [new AbortController(), new AbortController()];
  await turns.run("ann", running.signal, queries.start("running"));
  const left = turns.run("bob", waiting.signal, queries.start("waiting"));
  const last = turns.run("bob", never, queries.start("last"));
  waiting.abort(new Error("gone"));
  await expect(left).rejects.toThrow("gone");
  running.abort(new Error("gone"));
  await last;
  expect(queries.started).toEqual(["running", "last"]);
  expect(queries.ended).toEqual(["running"]);
});

test("a key that has many queries waiting is told to come back later", async () => {
  const queries = new Queries();
  const turns = new QueryTurns({ ...limits, concurrent: 1 });
  const leaving = Array.from({ length: 100 }, () => new AbortController());
  await turns.run("ann", never, queries.start("running"));
  const waiting = leaving.map(({ signal }) =>
    turns.run("ann", signal, queries.start("waiting")).catch((error: unknown) => error),
  );
  await expect(turns.run("ann", never, queries.start("late"))).rejects.toMatchObject({ code: "QUERY_BUSY" });
  for (const each of leaving) each.abort(new Error("gone"));
  await Promise.all(waiting);
  expect(queries.started).toEqual(["running"]);
});
