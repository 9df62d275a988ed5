import { expect, test } from "vitest";
import { until } from "../../../test/support/until.ts";
import { setLogLevel } from "../../base/log.ts";
import { SecretBytes } from "../../base/secret.ts";
import { KeyNotAccessible } from "../../kms/key-store.ts";
import { KeyWatch, type KeyState } from "./key-watch.ts";

setLogLevel("silent");

const key = new SecretBytes(new Uint8Array(32));
const away = new KeyNotAccessible("Nobody answers.", { isPassing: true });

/** A watch of a key that is there until it is said to fail. */
class Watched implements AsyncDisposable {
  failure: Error | undefined;
  looks = 0;
  readonly states: KeyState[] = [];
  readonly watch: KeyWatch;

  constructor(patienceMs: number, failure?: Error) {
    this.failure = failure;
    this.watch = KeyWatch.start({
      integrationId: "i",
      everyMs: 5,
      patienceMs,
      unwrap: async () => {
        this.looks += 1;
        if (this.failure !== undefined) throw this.failure;
        return key;
      },
      onChange: () => this.states.push(this.watch.state),
    });
  }

  async becomes(kind: KeyState["kind"]): Promise<void> {
    await until(`the key is ${kind}`, () => this.watch.state.kind === kind);
  }

  /** Waits until the key was looked at some more times. */
  async more(): Promise<void> {
    const { looks } = this;
    await until("the key was looked at", () => this.looks > looks + 3);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.watch[Symbol.asyncDispose]();
  }
}

test("a key is unknown until somebody has answered, then held; who looks again hears of changes alone", async () => {
  await using watched = new Watched(60_000);
  expect(watched.watch.state).toEqual({ kind: "unknown" });
  await watched.becomes("held");
  await watched.more();
  expect(watched.states).toEqual([{ kind: "held", key }]);
});

test("a key that is refused is gone at once, with the fix, and is back as soon as it is not refused", async () => {
  await using watched = new Watched(60_000);
  await watched.becomes("held");
  watched.failure = new KeyNotAccessible("It is disabled.");
  await watched.becomes("refused");
  await watched.more();
  watched.failure = undefined;
  await watched.becomes("held");
  const message = expect.stringMatching(/^It is disabled\. Enable or restore the key/);
  expect(watched.states).toEqual([
    { kind: "held", key },
    { kind: "refused", error: { code: "KMS_KEY_NOT_ACCESSIBLE", message } },
    { kind: "held", key },
  ]);
});

test("a key is used further while nobody answers", async () => {
  await using watched = new Watched(60_000);
  await watched.becomes("held");
  watched.failure = away;
  await watched.more();
  expect(watched.watch.state.kind).toBe("held");
});

test("a key is gone when nobody has answered for too long, or has ever answered", async () => {
  await using impatient = new Watched(0);
  await impatient.becomes("held");
  impatient.failure = away;
  await impatient.becomes("refused");
  await using never = new Watched(60_000, away);
  await never.becomes("refused");
});

test("after the end the key is held no more", async () => {
  const watched = new Watched(60_000);
  await watched.becomes("held");
  await watched[Symbol.asyncDispose]();
  expect(watched.watch.state.kind).toBe("unknown");
});
