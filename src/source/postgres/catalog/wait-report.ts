import { pause } from "../../../base/backoff.ts";
import { logger } from "../../../base/log.ts";
import { TaskGroup } from "../../../base/task-group.ts";
import type { IntegrationError } from "../../../model/integration.ts";
import { lockHolderOf } from "./lock-holder.ts";
import { Session, type ConnectRequest } from "../connection/session.ts";

const log = logger("postgres");

/** Why tables cannot be copied; undefined if nothing blocks them any longer. */
export type OnWait = (obstacle: IntegrationError | undefined) => void;

interface Waiting {
  readonly connect: ConnectRequest;
  /** The process of the source that may wait for a lock. */
  readonly pid: number;
  readonly onWait: OnWait;
}

/** A shorter wait is not reported. */
const firstLookMs = 3_000;
const lookMs = 5_000;

/**
 * Does work that may wait for others' locks and transactions at the source, and reports whom it waits for. A report
 * stays in effect until the caller withdraws it: the next attempt may wait for the same.
 */
export async function reportingWaits<T>(
  waiting: Waiting,
  work: () => Promise<T>,
  signal: AbortSignal,
): Promise<T> {
  await using tasks = new TaskGroup(signal);
  tasks.run((stop) => watch(waiting, stop));
  return await work();
}

async function watch({ connect, pid, onWait }: Waiting, signal: AbortSignal): Promise<void> {
  await pause(firstLookMs, signal);
  for (;;) {
    try {
      const obstacle = await obstacleOf(connect, pid, signal);
      signal.throwIfAborted();
      if (obstacle !== undefined) onWait(obstacle);
    } catch (error) {
      signal.throwIfAborted();
      // The watched work runs into the same error and reports it.
      log.debug({ err: error }, "The cause of a wait at the source could not be determined");
    }
    await pause(lookMs, signal);
  }
}

async function obstacleOf(
  connect: ConnectRequest,
  pid: number,
  signal: AbortSignal,
): Promise<IntegrationError | undefined> {
  await using session = await Session.open(connect, signal);
  const found = await lockHolderOf(session, pid);
  if (found === undefined) return undefined;
  const { lock, holder = "a transaction that has ended meanwhile." } = found;
  const message = `Copying tables is waiting at the source for ${lock}, held by ${holder}`;
  return { code: "SOURCE_TRANSACTION_OPEN", message };
}
