import { expect, test } from "vitest";
import type { Cut } from "../../model/replication/block.ts";
import { asPosition } from "../../model/replication/position.ts";
import type { Reach } from "../../source/source.ts";
import { Lag } from "./lag.ts";

const position = asPosition("1");
const commit = (committedAtMs: number, transactions = 1): Cut => ({
  after: 0,
  position,
  sequence: 0n,
  committedAtMs,
  transactions,
});
const applied = (committedAtMs: number, transactions = 1) => ({
  transactions,
  checkpoint: { position, sequence: 0n, committedAtMs },
});
const reach = (completeAtMs?: number, waitingSinceMs?: number): Reach => ({
  completeAtMs,
  waitingSinceMs,
  stall: undefined,
});

/** Of a stream that has applied a commit of time 1,000 at 1,400, and has been told at 2,000 that there is no more. */
function caughtUp(): Lag {
  const lag = new Lag();
  lag.read([commit(1_000)]);
  lag.applied(applied(1_000), 1_400);
  lag.reach(reach(2_000));
  return lag;
}

test("nothing is known of a stream that has read nothing and has not been told how far its source is", () => {
  const lag = new Lag();
  expect(lag.seconds(5_000)).toBeUndefined();
  lag.reach(reach(undefined, 4_000));
  lag.read([commit(0, 0)]);
  lag.applied(applied(0, 0), 5_000);
  expect(lag.seconds(6_000)).toBeUndefined();
  lag.reach(reach(6_000));
  expect(lag.seconds(7_000)).toBe(0);
});

test("an idle stream has the lag of its last commit, then none, however its position is stored and time passes", () => {
  const lag = new Lag();
  lag.reach(reach(500));
  lag.read([commit(1_000)]);
  lag.applied(applied(1_000), 1_400);
  expect(lag.seconds(1_900)).toBe(0.4);
  lag.reach(reach(2_000));
  lag.read([commit(1_000, 0)]);
  expect(lag.seconds(700_000)).toBe(0);
  lag.applied(applied(1_000, 0), 780_000);
  expect(lag.seconds(780_000)).toBe(0);
  expect(lag.newest()).toEqual({ readMs: 1_000, appliedMs: 1_000 });
});

test("after a restart with a backlog the lag is unknown until a commit has been read, and then never less than the backlog", () => {
  const lag = new Lag();
  lag.reach(reach(undefined, 99_000));
  lag.read([commit(0, 0)]);
  lag.applied(applied(0, 0), 99_500);
  expect(lag.seconds(100_000)).toBeUndefined();
  lag.read([commit(10_000), commit(11_000)]);
  expect(lag.seconds(100_000)).toBe(90);
  lag.applied(applied(10_000), 101_000);
  expect(lag.seconds(101_000)).toBe(91);
  lag.applied(applied(11_000), 102_000);
  // Everything that was read has been applied, and the source has more.
  expect(lag.seconds(102_000)).toBe(91);
});

test("a position at which the stream does not arrive makes the lag grow from when it was asked for", () => {
  const lag = caughtUp();
  lag.reach(reach(2_000, 3_000));
  expect(lag.seconds(3_010)).toBe(0.01);
  expect(lag.seconds(33_000)).toBe(30);
});

test("a stream that is not connected lags since the time that is known to be complete", () => {
  const lag = caughtUp();
  lag.reach(undefined);
  expect(lag.seconds(62_000)).toBe(60);
  lag.reach(reach(undefined, 62_000));
  expect(lag.seconds(63_000)).toBe(61);
  lag.reach(reach(62_000));
  expect(lag.seconds(63_000)).toBe(0);
});

test("what was read and not applied when the connection ended counts again with the next", () => {
  const lag = caughtUp();
  lag.read([commit(3_000), commit(4_000)]);
  lag.applied(applied(3_000), 5_000);
  lag.reach(undefined);
  expect(lag.seconds(6_000)).toBe(3);
  lag.read([commit(4_000)]);
  expect(lag.seconds(6_000)).toBe(2);
  lag.applied(applied(4_000), 6_500);
  lag.reach(reach(6_600));
  expect(lag.seconds(7_000)).toBe(0);
});

test("what was read while transactions waited is complete as soon as those have been applied", () => {
  const lag = new Lag();
  lag.read([commit(1_000)]);
  lag.reach(reach(2_000));
  lag.read([commit(3_000)]);
  lag.applied(applied(1_000), 4_000);
  lag.reach(undefined);
  expect(lag.seconds(5_000)).toBe(3);
});
