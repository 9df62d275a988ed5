import { lockHolderOf } from "../catalog/lock-holder.ts";
import { formatLsn, type Lsn } from "./lsn.ts";
import type { Session } from "../connection/session.ts";

interface Walsender {
  readonly pid: number;
  readonly waitType: string | null;
  readonly wait: string | null;
}

/**
 * Why the walsender of a slot does not send although it has more to send than the stream has received: the cause
 * according to the source, and a statement that ends it.
 */
export async function causeOfStall(session: Session, slot: string, position: Lsn): Promise<string> {
  const [walsender] = await session.rows<Walsender & Record<string, unknown>>(
    `SELECT a.pid, a.wait_event_type AS "waitType", a.wait_event AS wait
     FROM pg_replication_slots s JOIN pg_stat_activity a ON a.pid = s.active_pid WHERE s.slot_name = $1`,
    [slot],
  );
  if (walsender === undefined) return `No process of the source reads replication slot ${slot}.`;
  if (walsender.wait === "WaitForStandbyConfirmation") return standbyCause(session, position);
  if (walsender.waitType === "Lock") return lockCause(session, walsender.pid);
  const { pid, waitType, wait } = walsender;
  const state =
    wait === null
      ? "runs, perhaps through a large transaction, or was stopped"
      : `waits for ${waitType}/${wait}`;
  return (
    `Walsender process ${pid} of the source has sent nothing after ${formatLsn(position)}: it ${state}. ` +
    `To restart it from there: SELECT pg_terminate_backend(${pid});`
  );
}

interface StandbySlot {
  readonly name: string;
  readonly state: "missing" | "inactive" | "behind" | "ready";
}

/** PostgreSQL 17 and later send nothing to failover slots before the standbys of these slots have received it. */
async function standbyCause(session: Session, position: Lsn): Promise<string> {
  const slots = await session.rows<StandbySlot & Record<string, unknown>>(
    `SELECT n.name, CASE WHEN s.slot_name IS NULL THEN 'missing' WHEN NOT s.active THEN 'inactive'
       WHEN coalesce(s.restart_lsn <= $1::pg_lsn, true) THEN 'behind' ELSE 'ready' END AS state
     FROM (SELECT trim(both ' "' from part) AS name
       FROM regexp_split_to_table(current_setting('synchronized_standby_slots'), ',') AS part) AS n
     LEFT JOIN pg_replication_slots s ON s.slot_name = n.name WHERE n.name <> ''`,
    [formatLsn(position)],
  );
  const [ready, waiting] = [slots.filter(isReady), slots.filter((each) => !isReady(each))];
  const names = waiting.map(({ name, state }) => `${JSON.stringify(name)} (${meanings[state]})`).join(", ");
  const rest = ready.map(({ name }) => name).join(",");
  return (
    `The source sends changes only after the standbys in synchronized_standby_slots have them, and waits for ${names}. ` +
    `Start the standby, or continue without it: ALTER SYSTEM SET synchronized_standby_slots = '${rest}'; ` +
    "SELECT pg_reload_conf();"
  );
}

const meanings = {
  missing: "there is no such slot",
  inactive: "its standby is not connected",
  behind: "its standby is behind",
  ready: "its standby is up to date",
} as const satisfies Record<StandbySlot["state"], string>;

function isReady({ state }: StandbySlot): boolean {
  return state === "ready";
}

async function lockCause(session: Session, walsender: number): Promise<string> {
  const found = await lockHolderOf(session, walsender);
  const waits = `Logical decoding at the source waits for ${found?.lock ?? "a lock"}`;
  return found?.holder === undefined ? `${waits}.` : `${waits}, which is held by ${found.holder}`;
}
