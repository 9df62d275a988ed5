import fc from "fast-check";
import { expect, test } from "vitest";
import { Folder } from "../../src/pipeline/fold.ts";
import { defaultLimits, Batcher } from "../../src/pipeline/batcher.ts";
import type { Block } from "../../src/model/replication/block.ts";
import type { Delta } from "../../src/model/replication/delta.ts";
import {
  change,
  rowsOf,
  TargetModel,
  testBlock,
  testRelation,
  type Field,
  type TestChange,
} from "./table-model.ts";

const keyed = testRelation("1", 4, { kind: "key", columns: [2, 0] });
const keyless = testRelation("2", 3, { kind: "row" });
const signal = new AbortController().signal;

/** All blocks as one delta. */
async function fold(folder: Folder, blocks: readonly Block[]): Promise<Delta> {
  const batcher = new Batcher({ ...defaultLimits, changesMax: 1_000_000 });
  for (const block of blocks) await batcher.put(block, signal);
  return folder.fold(await batcher.take(signal));
}

const sorted = (rows: readonly (readonly Field[])[]) => rows.map((row) => JSON.stringify(row)).toSorted();

interface Step {
  readonly action: "insert" | "update" | "move" | "delete" | "truncate";
  readonly pick: number;
  readonly value: string | null;
  /** Whether an update leaves out the columns that it does not change. */
  readonly omit: boolean;
  readonly blockEnds: boolean;
  readonly batchEnds: boolean;
}

const steps = fc.array(
  fc.record<Step>({
    action: fc.constantFrom("insert", "insert", "update", "update", "move", "delete", "truncate"),
    pick: fc.nat(5),
    value: fc.oneof(fc.string({ maxLength: 20 }), fc.constant(null)),
    omit: fc.boolean(),
    blockEnds: fc.boolean(),
    batchEnds: fc.boolean(),
  }),
  { minLength: 1, maxLength: 60 },
);

/** A source table that writes down its changes as PostgreSQL with REPLICA IDENTITY DEFAULT sends them. */
class KeyedSource {
  rows: Field[][] = [];

  change({ action, pick, value, omit }: Step): TestChange | undefined {
    const key = [String(pick % 3), String(pick % 2)] as const;
    const at = this.rows.findIndex((row) => row[2] === key[0] && row[0] === key[1]);
    const before = this.rows[at];
    const relation = keyed;
    if (action === "truncate") {
      this.rows = [];
      return { kind: change.event, relation, event: { kind: "truncated", relation } };
    }
    if (before === undefined) {
      if (action !== "insert") return undefined;
      const after = [key[1], value, key[0], `toast ${value}`];
      this.rows.push(after);
      return { kind: change.insert, relation, after };
    }
    const old = [before[0], null, before[2], null];
    if (action === "delete") {
      this.rows.splice(at, 1);
      return { kind: change.delete, relation, before: old };
    }
    const moved = action === "move" ? `${pick}m` : before[2];
    if (action === "move" && this.rows.some((row) => row[2] === moved && row[0] === before[0]))
      return undefined;
    const whole = [before[0], value, moved, before[3]];
    this.rows[at] = whole;
    const after = omit ? [before[0], value, moved, undefined] : whole;
    return { kind: change.update, relation, after, ...(moved === before[2] ? {} : { before: old }) };
  }
}

test("a keyed table ends as the source, wherever batches end and whatever columns are not sent", async () => {
  await fc.assert(
    fc.asyncProperty(steps, async (script) => {
      const source = new KeyedSource();
      const target = new TargetModel();
      const folder = new Folder();
      let changes: TestChange[] = [];
      let blocks: Block[] = [];
      for (const [index, step] of script.entries()) {
        const made = source.change(step);
        if (made !== undefined) changes.push(made);
        const batchEnds = step.batchEnds || index === script.length - 1;
        if (step.blockEnds || batchEnds) {
          blocks.push(testBlock(changes, batchEnds ? String(index) : undefined));
          changes = [];
        }
        if (!batchEnds) continue;
        target.apply(await fold(folder, blocks));
        blocks = [];
        expect(sorted(target.rows.get("1") ?? [])).toEqual(sorted(source.rows));
      }
    }),
    { numRuns: 500 },
  );
});

test("a table without a key keeps as many equal rows as the source", async () => {
  await fc.assert(
    fc.asyncProperty(steps, async (script) => {
      const relation = keyless;
      let rows: Field[][] = [];
      const target = new TargetModel();
      const folder = new Folder();
      let changes: TestChange[] = [];
      for (const [index, { action, pick, value, omit, batchEnds }] of script.entries()) {
        const before = rows[pick];
        if (action === "truncate") {
          rows = [];
          changes.push({ kind: change.event, relation, event: { kind: "truncated", relation } });
        } else if (action === "insert" || before === undefined) {
          const after = [String(pick % 2), value, "toast"];
          rows.push(after);
          changes.push({ kind: change.insert, relation, after });
        } else if (action === "delete") {
          rows = rows.toSpliced(pick, 1);
          changes.push({ kind: change.delete, relation, before });
        } else {
          const whole = [before[0], value, before[2]];
          rows = rows.with(pick, whole);
          const after = omit ? [before[0], value, undefined] : whole;
          changes.push({ kind: change.update, relation, before, after });
        }
        if (!batchEnds && index < script.length - 1) continue;
        target.apply(await fold(folder, [testBlock(changes, String(index))]));
        changes = [];
        expect(sorted(target.rows.get("2") ?? [])).toEqual(sorted(rows));
      }
    }),
    { numRuns: 500 },
  );
});

test("a batch of inserts deletes nothing, and what comes and goes within a batch leaves no trace", async () => {
  const insert = (key: string): TestChange => ({
    kind: change.insert,
    relation: keyed,
    after: [key, "v", "k", "t"],
  });
  const gone: TestChange = { kind: change.delete, relation: keyed, before: ["a", null, "k", null] };
  const delta = await fold(new Folder(), [testBlock([insert("a"), insert("b"), gone], "1")]);
  expect(delta.steps).toHaveLength(1);
  const [step] = delta.steps;
  if (step?.kind !== "rows") throw new Error("the only step is rows");
  expect(step.deletes).toEqual([]);
  expect(rowsOf(step.inserts, 4)).toEqual([["b", "v", "k", "t"]]);
  expect(step.changes).toBe(3);
});

test("copied rows are appended as they are, up to the end of their copy", async () => {
  const relation = keyed;
  const insert: TestChange = { kind: change.insert, relation, after: ["a", "v", "k", "t"] };
  const started: TestChange = {
    kind: change.event,
    relation,
    event: { kind: "copy-started", relation },
  };
  const folder = new Folder();
  const delta = await fold(folder, [testBlock([started, insert, insert], "1")]);
  expect(delta.steps.map((step) => step.kind)).toEqual(["event", "rows"]);
  expect(delta.copiedRows).toBe(2);
  // What happens to a table as a whole changes no row.
  expect(delta.changes).toBe(2);
  const next = await fold(folder, [testBlock([insert], "2")]);
  expect(next.copiedRows).toBe(1);
});

test("changes before and after a new shape of a table become steps of their own, in order", async () => {
  const wider = testRelation("1", 5, { kind: "key", columns: [0] });
  const delta = await fold(new Folder(), [
    testBlock(
      [
        { kind: change.insert, relation: keyed, after: ["a", "v", "k", "t"] },
        {
          kind: change.event,
          relation: wider,
          event: { kind: "altered", relation: wider, changes: [{ kind: "dropped", name: "x" }] },
        },
        { kind: change.insert, relation: wider, after: ["b", "v", "k", "t", "n"] },
      ],
      "1",
    ),
  ]);
  expect(
    delta.steps.map((step) => (step.kind === "rows" ? step.relation.columns.length : "altered")),
  ).toEqual([4, "altered", 5]);
});
