import { Duplex, PassThrough } from "node:stream";
import { expect, test, vi } from "vitest";
import { until } from "../../../../test/support/until.ts";
import { BackendSocket, headerBytes, streamLimits } from "../connection/backend-socket.ts";
import { Feedback, feedbackLimits, onSilence } from "./feedback.ts";

/** The reports that a socket was sent: what they confirm, and whether they ask for an answer. */
function reports(stream: PassThrough): { flushed: bigint; asks: boolean }[] {
  const bytes = (stream.read() as Buffer | null) ?? Buffer.alloc(0);
  const found: { flushed: bigint; asks: boolean }[] = [];
  for (let at = 0; at < bytes.length; at += 1 + bytes.readInt32BE(at + 1)) {
    const payload = at + headerBytes;
    const [written, flushed = 0n, applied] = [1, 9, 17].map((offset) =>
      bytes.readBigInt64BE(payload + offset),
    );
    expect(applied).toBe(written);
    expect([written, 0n]).toContain(flushed);
    found.push({ flushed, asks: bytes[payload + 33] === 1 });
  }
  return found;
}

test("a server is asked for a sign of life before it is given up", () => {
  expect(onSilence(0, feedbackLimits)).toBe("wait");
  expect(onSilence(feedbackLimits.quietMs, feedbackLimits)).toBe("ask");
  expect(onSilence(feedbackLimits.lostMs, feedbackLimits)).toBe("give up");
});

test("only what is confirmed is reported, never less than before, and not too often", () => {
  vi.useFakeTimers({
    now: 0,
    toFake: ["setTimeout", "clearTimeout", "setInterval", "clearInterval", "performance"],
  });
  try {
    const stream = new PassThrough();
    const socket = new BackendSocket(stream, streamLimits);
    stream.removeAllListeners("data");
    vi.advanceTimersByTime(1000);
    using feedback = new Feedback(socket, 10n, feedbackLimits);
    feedback.confirm(20n);
    const none = { flushed: 0n, asks: false };
    expect(reports(stream)).toEqual([{ flushed: 20n, asks: false }, none]);
    feedback.confirm(30n);
    feedback.confirm(25n);
    feedback.confirm(40n);
    expect(reports(stream)).toEqual([]);
    vi.advanceTimersByTime(100);
    expect(reports(stream)).toEqual([{ flushed: 40n, asks: false }, none]);
    feedback.ask();
    expect(reports(stream)).toEqual([{ flushed: 0n, asks: true }]);
    vi.advanceTimersByTime(feedbackLimits.intervalMs);
    expect(reports(stream)).toEqual([none]);
  } finally {
    vi.useRealTimers();
  }
});

test("a server that stays silent while somebody reads fails the read; one that nobody reads may be as it likes", async () => {
  const quick = { intervalMs: 10, quietMs: 30, lostMs: 120 };
  const mute = new Duplex({ read: () => {}, write: (_chunk, _encoding, done) => done() });
  const socket = new BackendSocket(mute, streamLimits);
  using feedback = new Feedback(socket, 0n, quick);
  feedback.ask();
  const start = performance.now();
  await until("some time without a reader", () => performance.now() - start > 2 * quick.lostMs);
  const begun = performance.now();
  const never = new AbortController().signal;
  await expect(socket.read(never)).rejects.toMatchObject({ code: "SOURCE_UNREACHABLE" });
  expect(performance.now() - begun).toBeGreaterThanOrEqual(quick.lostMs - 1);
});
