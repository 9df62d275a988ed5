import type { Delta } from "../../src/model/replication/delta.ts";
import type { Changes } from "./target-changes.ts";
import { deltaOf } from "./test-warehouse.ts";

/** The deltas of transaction `number`; the last of them commits at that position. The model is then as after it. */
export function applyNext(changes: Changes, number: number): Delta[] {
  const deltas = Array.from({ length: changes.below(4) === 0 ? 2 : 1 }, () =>
    Array.from({ length: 1 + changes.below(6) }, () => changes.step()),
  );
  return deltas.map((steps, index) =>
    deltaOf(steps, index === deltas.length - 1 ? String(number) : undefined),
  );
}
