import { backoffMs, pause } from "../../base/backoff.ts";
import { messageOf, withFix } from "../../base/errors.ts";
import { logger } from "../../base/log.ts";
import type { SecretBytes } from "../../base/secret.ts";
import { TaskGroup } from "../../base/task-group.ts";
import { KeyNotAccessible } from "../../kms/key-store.ts";
import type { IntegrationError } from "../../model/integration.ts";

export type KeyState =
  /** No answer yet. */
  | { readonly kind: "unknown" }
  | { readonly kind: "held"; readonly key: SecretBytes }
  | { readonly kind: "refused"; readonly error: IntegrationError };

export interface KeyWatchTimes {
  /** The interval between checks while all is well. */
  readonly everyMs: number;
  /** How long a key stays in use while its key store does not answer. */
  readonly patienceMs: number;
}

export interface KeyWatchRequest extends KeyWatchTimes {
  readonly integrationId: string;
  /** Unwraps the data key. Throws `KeyNotAccessible`. */
  readonly unwrap: (signal: AbortSignal) => Promise<SecretBytes>;
  /** Called when the state changes. */
  readonly onChange: () => void;
}

/** A KMS outage need not become a replication outage; but a key kept through an hour of it could not be revoked. */
export const keyPatienceMs = 15 * 60_000;

/** While something is wrong, checks are more frequent. */
const troubledMs = { first: 1_000, most: 30_000 } as const;

const log = logger("key");

/**
 * Checks periodically whether an integration's data key is accessible. A key that is refused is dropped at once; if the
 * key store merely does not answer, the key is kept for a while.
 */
export class KeyWatch implements AsyncDisposable {
  readonly #request: KeyWatchRequest;
  readonly #tasks = new TaskGroup();
  #state: KeyState = { kind: "unknown" };
  #heldAt = 0;
  #failures = 0;

  private constructor(request: KeyWatchRequest) {
    this.#request = request;
    this.#tasks.run((signal) => this.#watch(signal));
  }

  static start(request: KeyWatchRequest): KeyWatch {
    return new KeyWatch(request);
  }

  get state(): KeyState {
    return this.#state;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#tasks[Symbol.asyncDispose]();
    this.#state = { kind: "unknown" };
  }

  async #watch(signal: AbortSignal): Promise<void> {
    const { everyMs } = this.#request;
    const firstMs = Math.min(troubledMs.first, everyMs);
    const mostMs = Math.min(troubledMs.most, everyMs);
    for (;;) {
      await this.#look(signal);
      const waitMs = this.#failures === 0 ? everyMs : backoffMs(this.#failures, { firstMs, mostMs });
      await pause(waitMs, signal);
    }
  }

  async #look(signal: AbortSignal): Promise<void> {
    try {
      const key = await this.#request.unwrap(signal);
      this.#failures = 0;
      this.#heldAt = performance.now();
      if (this.#state.kind !== "held") this.#enter({ kind: "held", key });
    } catch (error) {
      signal.throwIfAborted();
      this.#failures += 1;
      this.#failed(error);
    }
  }

  #failed(error: unknown): void {
    const { integrationId: integration, patienceMs } = this.#request;
    const isRefused = error instanceof KeyNotAccessible && !error.isPassing;
    const isPatient =
      !isRefused && this.#state.kind === "held" && performance.now() - this.#heldAt < patienceMs;
    const { code, fix } = error instanceof KeyNotAccessible ? error : new KeyNotAccessible("");
    const message = withFix(messageOf(error), fix);
    if (isPatient) {
      log.warn(
        { integration, reason: messageOf(error) },
        "A data key could not be looked at; it is used further",
      );
      return;
    }
    const isNew = this.#state.kind !== "refused" || this.#state.error.message !== message;
    if (!isNew) return;
    log.warn({ integration, reason: messageOf(error) }, "A data key cannot be had");
    this.#enter({ kind: "refused", error: { code, message } });
  }

  #enter(state: KeyState): void {
    this.#state = state;
    this.#request.onChange();
  }
}
