import { backoffMs } from "../../base/backoff.ts";
import { Deadline } from "../../base/deadline.ts";
import { logger } from "../../base/log.ts";
import type { Secret } from "../../base/secret.ts";
import { TaskGroup } from "../../base/task-group.ts";
import { Wake } from "../../base/wake.ts";
import type { EventOutbox } from "../../catalog/catalog.ts";
import type { IntegrationEvent } from "../../model/event.ts";
import { eventEnvelope, type EnvelopeContext } from "./event-envelope.ts";

export interface WebhookRequest extends EnvelopeContext {
  readonly url: Secret;
  readonly outbox: EventOutbox;
  readonly timing?: Partial<WebhookTiming>;
}

export interface WebhookTiming {
  /** How long the receiver may take for one event. */
  readonly attemptMs: number;
  /** How long running attempts may continue after a stop: an event that was sent but not marked is sent again. */
  readonly graceMs: number;
  readonly retryFirstMs: number;
  readonly retryMostMs: number;
  /** The interval between polls, in case of no notification. */
  readonly lookMs: number;
}

const usualTiming: WebhookTiming = {
  attemptMs: 10_000,
  graceMs: 2_000,
  retryFirstMs: 1_000,
  retryMostMs: 60_000,
  lookMs: 30_000,
};

/** An integration whose first event the receiver did not accept. */
interface Waiting {
  readonly failures: number;
  readonly notBeforeMs: number;
}

type Attempt = { readonly kind: "taken" } | { readonly kind: "refused"; readonly reason: string };

const log = logger("webhook");
const integrationsMax = 1_000;
const atOnceMax = 8;

/**
 * Sends events to the operator's webhook: each at least once, those of one integration in order. An event is sent only
 * after the previous one was accepted (status 2xx). Pending events are kept in the catalog: they survive restarts, and
 * their number is bounded there. No part of the URL is ever logged.
 */
export class EventWebhook implements AsyncDisposable {
  readonly #request: WebhookRequest;
  readonly #timing: WebhookTiming;
  readonly #tasks = new TaskGroup();
  readonly #patience = new AbortController();
  readonly #waiting = new Map<string, Waiting>();
  readonly #stopListening: () => void;
  readonly #wake = new Wake();

  private constructor(request: WebhookRequest) {
    this.#request = request;
    this.#timing = { ...usualTiming, ...request.timing };
    this.#stopListening = request.outbox.onEvent(() => this.#wake.tell());
    this.#tasks.run((signal) => this.#deliver(signal));
  }

  static start(request: WebhookRequest): EventWebhook {
    return new EventWebhook(request);
  }

  /** An event being sent may still be accepted; the rest waits for the next start. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopListening();
    const patience = setTimeout(
      () => this.#patience.abort(new Error("the webhook was stopped")),
      this.#timing.graceMs,
    );
    try {
      await this.#tasks[Symbol.asyncDispose]();
    } finally {
      clearTimeout(patience);
    }
  }

  async #deliver(signal: AbortSignal): Promise<void> {
    for (;;) {
      this.#wake.begin();
      let taken = 0;
      try {
        taken = await this.#round(signal);
      } catch (error) {
        signal.throwIfAborted();
        log.error({ err: error }, "Events could not be read or marked");
      }
      signal.throwIfAborted();
      // After an accepted event, there may be another.
      if (taken === 0) await this.#wake.sleep(this.#idleMs(), signal);
    }
  }

  /** Offers the first event of each integration that is due. Returns how many were accepted. */
  async #round(signal: AbortSignal): Promise<number> {
    const heads = await this.#request.outbox.pendingEvents(integrationsMax);
    const present = new Set(heads.map(({ integrationId }) => integrationId));
    for (const id of this.#waiting.keys()) if (!present.has(id)) this.#waiting.delete(id);
    const due = heads.filter(
      ({ integrationId }) => (this.#waiting.get(integrationId)?.notBeforeMs ?? 0) <= performance.now(),
    );
    let taken = 0;
    for (let first = 0; first < due.length && !signal.aborted; first += atOnceMax) {
      const offers = due.slice(first, first + atOnceMax).map((event) => this.#offer(event));
      taken += (await Promise.all(offers)).filter(Boolean).length;
    }
    return taken;
  }

  async #offer(event: IntegrationEvent): Promise<boolean> {
    const attempt = await this.#send(event);
    if (attempt.kind === "taken") {
      await this.#request.outbox.eventTaken(event.ordinal);
      this.#waiting.delete(event.integrationId);
      return true;
    }
    const { retryFirstMs, retryMostMs } = this.#timing;
    const failures = (this.#waiting.get(event.integrationId)?.failures ?? 0) + 1;
    const waitMs = backoffMs(failures, { firstMs: retryFirstMs, mostMs: retryMostMs });
    this.#waiting.set(event.integrationId, { failures, notBeforeMs: performance.now() + waitMs });
    log.warn(
      { integration: event.integrationId, event: event.id, reason: attempt.reason, failures, waitMs },
      "The webhook did not accept an event; it will be sent again",
    );
    return false;
  }

  async #send(event: IntegrationEvent): Promise<Attempt> {
    const { url, headers } = addressOf(this.#request.url.reveal());
    const body = JSON.stringify(eventEnvelope(event, this.#request));
    using attempt = new Deadline(this.#timing.attemptMs, this.#patience.signal);
    const { signal } = attempt;
    try {
      // A redirect would turn the POST into a GET, or send the event to another party.
      const response = await fetch(url, { method: "POST", headers, body, signal, redirect: "manual" });
      await response.body?.cancel();
      return response.ok ? { kind: "taken" } : { kind: "refused", reason: `status ${response.status}` };
    } catch (error) {
      return { kind: "refused", reason: reasonOf(error) };
    }
  }

  /** The time until an integration is due, at most the longest interval between polls. */
  #idleMs(): number {
    const dueMs = Math.min(...[...this.#waiting.values()].map(({ notBeforeMs }) => notBeforeMs));
    return Math.max(0, Math.min(this.#timing.lookMs, dueMs - performance.now()));
  }
}

/** `fetch` does not accept a user and password in a URL, and its error would quote them. */
function addressOf(text: string): { readonly url: URL; readonly headers: Record<string, string> } {
  const url = new URL(text);
  const { username, password } = url;
  url.username = "";
  url.password = "";
  const headers: Record<string, string> = { "content-type": "application/json", "user-agent": "zeroetl" };
  if (username !== "" || password !== "") {
    const pair = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
    headers["authorization"] = `Basic ${Buffer.from(pair).toString("base64")}`;
  }
  return { url, headers };
}

/** The parts of an error that cannot contain the URL. */
function reasonOf(error: unknown): string {
  const { name, cause } = error as Error;
  const code = (cause as NodeJS.ErrnoException | undefined)?.code;
  return code ?? name;
}
