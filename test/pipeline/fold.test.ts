import fc from "fast-check";
import { expect, test } from "vitest";
import { fold } from "../../src/pipeline/fold.ts";
import { defaultLimits, Batcher } from "../../src/pipeline/batcher.ts";
import { present } from "../../src/base/assert.ts";
import type { Relation } from "../../src/model/replication/relation.ts";
import type { Block } from "../../src/model/replication/block.ts";
import type { Delta, RowsStep } from "../../src/model/replication/delta.ts";
import type { TupleLayout } from "../../src/model/replication/tuple.ts";
import { pgoutputTuple } from "../../src/wire/postgres/pgoutput/tuple.ts";
import { cellsOf, unchanged } from "../support/plain-tuples.ts";
import { TargetModel, type Row } from "../support/target-model.ts";
import { copySteps } from "../support/test-warehouse.ts";
import { change, testBlock, testRelation, type Field, type TestChange } from "./test-blocks.ts";

const keyed = testRelation("1", 4, { kind: "key", columns: [2, 0] });
const keyless = testRelation("2", 3, { kind: "row" });
const signal = new AbortController().signal;

/** All blocks as one delta. */
async function folded(blocks: readonly Block[]): Promise<Delta> {
  const batcher = new Batcher({ ...defaultLimits, changesMax: 1_000_000 });
  for (const block of blocks) await batcher.put(block, signal);
  return fold(await batcher.take(signal));
}

const sorted = (rows: readonly Row[] | readonly (readonly Field[])[]) =>
  rows.map((row) => JSON.stringify(row)).toSorted();

/** A target that holds the table, which is empty. */
function targetWith(relation: Relation): TargetModel {
  const target = new TargetModel();
  for (const step of copySteps(relation, [])) target.apply(step);
  return target;
}

function applyTo(target: TargetModel, { steps }: Delta): void {
  for (const step of steps) target.apply(step);
}

interface Step {
  readonly action: "insert" | "update" | "move" | "swap" | "delete" | "truncate";
  /** Picks a key, and another one. */
  readonly pick: number;
  readonly other: number;
  readonly value: string | null;
  /** Whether an update leaves out the columns that it does not change. */
  readonly omit: boolean;
  /** Whether these include columns of the key: then the key comes with the old tuple. */
  readonly omitKey: boolean;
  readonly blockEnds: boolean;
  readonly batchEnds: boolean;
}

const steps = fc.array(
  fc.record<Step>({
    action: fc.constantFrom(
      "insert",
      "insert",
      "update",
      "update",
      "move",
      "move",
      "swap",
      "delete",
      "truncate",
    ),
    pick: fc.nat(5),
    other: fc.nat(5),
    value: fc.oneof(fc.string({ maxLength: 20 }), fc.constant(null)),
    omit: fc.boolean(),
    omitKey: fc.boolean(),
    blockEnds: fc.boolean(),
    batchEnds: fc.nat(3).map((number) => number === 0),
  }),
  { minLength: 1, maxLength: 60 },
);

/** A source table that writes down its changes as PostgreSQL with REPLICA IDENTITY DEFAULT sends them. */
class KeyedSource {
  /** By key. */
  readonly #rows = new Map<string, readonly Field[]>();

  get rows(): (readonly Field[])[] {
    return [...this.#rows.values()];
  }

  changes(step: Step): TestChange[] {
    const { action, value } = step;
    const [key, other] = [keyNumber(step.pick), keyNumber(step.other)];
    const relation = keyed;
    if (action === "truncate") {
      this.#rows.clear();
      return [{ kind: change.event, relation, event: { kind: "truncated", relation } }];
    }
    if (action === "insert" && !this.#rows.has(key.join())) {
      const after = [key[1], value, key[0], `toast ${value}`];
      this.#rows.set(key.join(), after);
      return [{ kind: change.insert, relation, after }];
    }
    if (action === "delete" && this.#rows.delete(key.join()))
      return [{ kind: change.delete, relation, before: oldRow(key) }];
    if (action === "update") return this.#update(key, key, step);
    if (action === "move") return this.#update(key, other, step);
    if (action === "swap") {
      if (!this.#rows.has(key.join()) || !this.#rows.has(other.join()) || key.join() === other.join())
        return [];
      const between = ["between", "between"] as const;
      return [
        ...this.#update(key, between, step),
        ...this.#update(other, key, step),
        ...this.#update(between, other, step),
      ];
    }
    return [];
  }

  #update(from: Key, to: Key, { value, omit, omitKey }: Step): TestChange[] {
    const before = this.#rows.get(from.join());
    const isMove = from.join() !== to.join();
    if (before === undefined || (isMove && this.#rows.has(to.join()))) return [];
    this.#rows.delete(from.join());
    const whole = [to[1], value, to[0], before[3]];
    this.#rows.set(to.join(), whole);
    const sent = ([0, 1] as const).map((at) => (omitKey && from[at] === to[at] ? undefined : to[at]));
    const after = [sent[1], value, sent[0], omit ? undefined : before[3]];
    const old = isMove || sent.includes(undefined) ? { before: oldRow(from) } : {};
    return [{ kind: change.update, relation: keyed, after, ...old }];
  }
}

/** In the order of the relation's identity. */
type Key = readonly [string, string];

function keyNumber(pick: number): Key {
  return [String(pick % 3), String(pick % 2)];
}

function oldRow([second, first]: Key): Field[] {
  return [first, null, second, null];
}

test("a keyed table ends as the source, wherever batches end and whatever columns are not sent", async () => {
  await fc.assert(
    fc.asyncProperty(steps, async (script) => {
      const source = new KeyedSource();
      const target = targetWith(keyed);
      let changes: TestChange[] = [];
      let blocks: Block[] = [];
      for (const [index, step] of script.entries()) {
        changes.push(...source.changes(step));
        const batchEnds = step.batchEnds || index === script.length - 1;
        if (step.blockEnds || batchEnds) {
          blocks.push(testBlock(changes, batchEnds ? String(index) : undefined));
          changes = [];
        }
        if (!batchEnds) continue;
        applyTo(target, await folded(blocks));
        blocks = [];
        expect(sorted(target.table("1").rows)).toEqual(sorted(source.rows));
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
      const target = targetWith(keyless);
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
        applyTo(target, await folded([testBlock(changes, String(index))]));
        changes = [];
        expect(sorted(target.table("2").rows)).toEqual(sorted(rows));
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
  const step = await onlyStep([insert("a"), insert("b"), gone("a")]);
  expect(step.deletes).toEqual([]);
  expect(cellsOf(keyed, step.inserts)).toEqual([["b", "v", "k", "t"]]);
  expect(step.changes).toBe(3);
});

/** The fold of changes of `keyed`. */
async function onlyStep(changes: readonly TestChange[]): Promise<RowsStep> {
  const { steps } = await folded([testBlock(changes, "1")]);
  expect(steps).toHaveLength(1);
  const step = present(steps[0], "there is a step");
  if (step.kind !== "rows") throw new Error("the only step is rows");
  return step;
}

/** An update of the row with the first key that does not send the last column. */
function update(from: string, to: string, value: string): TestChange {
  const before = from === to ? {} : { before: [from, null, "k", null] };
  return { kind: change.update, relation: keyed, ...before, after: [to, value, "k", undefined] };
}

const gone = (key: string): TestChange => ({
  kind: change.delete,
  relation: keyed,
  before: [key, null, "k", null],
});

/** First columns of the keys, or of the rows and where they come from. */
function summary({ deletes, inserts, patches, moves }: RowsStep) {
  const firsts = (runs: RowsStep["deletes"]) => cellsOf(keyed, runs).map(([first]) => first);
  return {
    deletes: firsts(deletes),
    inserts: firsts(inserts),
    patches: patches.map(({ unchanged: kept, tuples }) => [kept, firsts(tuples)]),
    moves: moves.map(({ unchanged: kept, tuples, keys }) => [kept, firsts(keys), firsts(tuples)]),
  };
}

test("a row that keeps its key and lacks a column is patched, and not deleted", async () => {
  const step = await onlyStep([update("a", "a", "v"), update("b", "b", "v"), update("a", "a", "w")]);
  expect(summary(step)).toEqual({ deletes: [], inserts: [], patches: [[[3], ["b", "a"]]], moves: [] });
  expect(cellsOf(keyed, present(step.patches[0], "there is a patch").tuples)).toEqual([
    ["b", "v", "k", unchanged],
    ["a", "w", "k", unchanged],
  ]);
});

interface Example {
  readonly what: string;
  readonly changes: readonly TestChange[];
  /** Keys of the old versions, and of the new ones, in the same order. */
  readonly from: readonly string[];
  readonly to: readonly string[];
}

test.each<Example>([
  {
    what: "a row that gets a new key twice",
    changes: [update("a", "b", "v"), update("b", "c", "v")],
    from: ["a"],
    to: ["c"],
  },
  {
    what: "rows of which one takes the key of the other",
    changes: [update("b", "c", "v"), update("a", "b", "v")],
    from: ["b", "a"],
    to: ["c", "b"],
  },
  {
    what: "rows that trade keys",
    changes: [update("a", "x", "v"), update("b", "a", "v"), update("x", "b", "v")],
    from: ["b", "a"],
    to: ["a", "b"],
  },
])("$what: the keys that they had are deleted, and both rows move", async ({ changes, from, to }) => {
  const { deletes, moves, ...others } = summary(await onlyStep(changes));
  expect(others).toEqual({ inserts: [], patches: [] });
  expect(new Set(deletes)).toEqual(new Set(from));
  expect(moves).toEqual([[[3], from, to]]);
});

test("a row that takes the key of a deleted one moves, and both old rows are deleted", async () => {
  const { deletes, ...others } = summary(await onlyStep([gone("b"), update("a", "b", "v")]));
  expect(new Set(deletes)).toEqual(new Set(["a", "b"]));
  expect(others).toEqual({ inserts: [], patches: [], moves: [[[3], ["a"], ["b"]]] });
});

test("rows whose keys were not sent with their new versions are told apart by the old ones", async () => {
  const hidden = (key: string): TestChange => ({
    kind: change.update,
    relation: keyed,
    before: [key, null, "k", null],
    after: [undefined, "v", "k", undefined],
  });
  const step = await onlyStep([hidden("a"), hidden("b")]);
  expect(summary(step)).toEqual({ deletes: [], inserts: [], patches: [[[3], ["a", "b"]]], moves: [] });
});

test("tables of one block may have different layouts", async () => {
  const other = testRelation("3", 4, { kind: "key", columns: [2, 0] });
  const tables = [keyed, other];
  const layoutOf = (relation: Relation) => (relation === other ? markedTuple : pgoutputTuple);
  const each = (changes: readonly TestChange[]) =>
    changes.flatMap((made) => tables.map((relation) => ({ ...made, relation })));
  const inserted: TestChange = { kind: change.insert, relation: keyed, after: ["a", "v", "k", "t"] };
  const delta = await folded([
    testBlock(each([inserted, update("b", "b", "v")]), undefined, layoutOf),
    testBlock(each([update("a", "a", "w"), update("b", "c", "w"), gone("d")]), "1", layoutOf),
  ]);
  expect(delta.steps).toHaveLength(2);
  for (const [index, step] of delta.steps.entries()) {
    if (step.kind !== "rows") throw new Error("rows alone were changed");
    expect(step.relation).toBe(tables[index]);
    expect(summary(step)).toEqual({
      deletes: ["b", "d"],
      inserts: ["a"],
      patches: [],
      moves: [[[3], ["b"], ["c"]]],
    });
    expect(cellsOf(keyed, step.inserts)).toEqual([["a", "w", "k", "t"]]);
    expect(step.inserts.every(({ layout }) => layout === layoutOf(step.relation))).toBe(true);
  }
});

/** A layout in which a byte precedes each tuple. */
const markedTuple: TupleLayout = {
  locate({ offsets, ...span }, columns, out) {
    pgoutputTuple.locate({ ...span, offsets: offsets.map((offset) => offset + 1) }, columns, out);
  },
  locateFew({ offset, ...wanted }, starts, lengths) {
    pgoutputTuple.locateFew({ ...wanted, offset: offset + 1 }, starts, lengths);
  },
  end: (region, offset) => pgoutputTuple.end(region, offset + 1),
  compose: (fields, out, at) => pgoutputTuple.compose(fields, out, at + 1),
  sizeOf: (fields) => pgoutputTuple.sizeOf(fields) + 1,
};

test("a row that has its key again in the end is patched", async () => {
  const step = await onlyStep([update("a", "b", "v"), update("b", "a", "w")]);
  expect(summary(step)).toEqual({ deletes: [], inserts: [], patches: [[[3], ["a"]]], moves: [] });
});

test("a key that is deleted and inserted again is a new row, which later updates complete", async () => {
  const again: TestChange = { kind: change.insert, relation: keyed, after: ["a", "v", "k", "t"] };
  const step = await onlyStep([update("a", "a", "u"), gone("a"), again, update("a", "a", "w")]);
  expect(summary(step)).toEqual({ deletes: ["a"], inserts: ["a"], patches: [], moves: [] });
  expect(cellsOf(keyed, step.inserts)).toEqual([["a", "w", "k", "t"]]);
});

test("copied rows are appended as they are, and changes after them are folded", async () => {
  const insert = (key: string): TestChange => ({
    kind: change.insert,
    relation: keyed,
    after: [key, "v", "k", "t"],
  });
  const copied = { ...testBlock([insert("a"), insert("b")], "1"), isCopied: true };
  const delta = await folded([copied, testBlock([gone("a"), insert("c")], "2")]);
  const steps = delta.steps.map((step) => (step.kind === "rows" ? summary(step) : step));
  expect(steps).toEqual([
    { deletes: [], inserts: ["a", "b"], patches: [], moves: [] },
    { deletes: ["a"], inserts: ["c"], patches: [], moves: [] },
  ]);
  expect([delta.copiedRows, delta.changes]).toEqual([2, 4]);
});

test("changes before and after a new shape of a table become steps of their own, in order", async () => {
  const wider = testRelation("1", 5, { kind: "key", columns: [0] });
  const delta = await folded([
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
