import type { Session } from "../connection/session.ts";

export interface LockHolder {
  /** The lock, such as `ShareLock on transactionid`. */
  readonly lock: string;
  /**
   * Who holds it and the statement that ends that, as a sentence that continues after "held by"; undefined if unknown.
   */
  readonly holder: string | undefined;
}

interface Holder {
  readonly pid: number;
  readonly user: string | null;
  readonly application: string | null;
  /** Null if our user may not see it. */
  readonly since: string | null;
}

/** The text stays the same while the wait lasts. */
const time = (column: string): string =>
  `to_char(${column} AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS "UTC"')`;

/** Who holds the lock that a process of the source waits for; undefined if it waits for none. */
export async function lockHolderOf(session: Session, waiting: number): Promise<LockHolder | undefined> {
  const [awaited] = await session.rows<{ lock: string }>(
    `SELECT l.mode || ' on ' || coalesce(l.relation::regclass::text, l.locktype) AS lock
     FROM pg_locks l WHERE l.pid = $1 AND NOT l.granted`,
    [waiting],
  );
  if (awaited === undefined) return undefined;
  const [holder] = await session.rows<Holder & Record<string, unknown>>(
    `SELECT p.pid, a.usename::text AS user, a.application_name AS application, ${time("a.xact_start")} AS since
     FROM unnest(pg_blocking_pids($1)) AS p(pid) LEFT JOIN pg_stat_activity a ON a.pid = p.pid
     ORDER BY a.xact_start`,
    [waiting],
  );
  const { lock } = awaited;
  if (holder === undefined) return { lock, holder: undefined };
  // A prepared transaction has no process.
  return { lock, holder: holder.pid === 0 ? await preparedHolder(session, waiting) : processHolder(holder) };
}

function processHolder({ pid, user, application, since }: Holder): string {
  const who = [`user ${user ?? "unknown"}`, `application ${JSON.stringify(application ?? "")}`];
  if (since !== null) who.push(`in a transaction since ${since}`);
  return `process ${pid} (${who.join(", ")}). End its transaction, or: SELECT pg_terminate_backend(${pid});`;
}

interface Prepared {
  readonly gid: string;
  readonly owner: string;
  readonly database: string;
  readonly statement: string;
  readonly since: string;
}

/** A prepared transaction holds a lock on its own id; its other locks have the same virtual transaction. */
async function preparedHolder(session: Session, waiting: number): Promise<string> {
  const [prepared] = await session.rows<Prepared & Record<string, unknown>>(
    `SELECT x.gid, x.owner::text, x.database::text, format('ROLLBACK PREPARED %L;', x.gid) AS statement,
       ${time("x.prepared")} AS since
     FROM pg_prepared_xacts x
     WHERE x.transaction IN (
       SELECT own.transactionid
       FROM pg_locks w
       JOIN pg_locks h ON h.locktype = w.locktype
         AND (h.database, h.relation, h.transactionid) IS NOT DISTINCT FROM (w.database, w.relation, w.transactionid)
       JOIN pg_locks own ON own.virtualtransaction = h.virtualtransaction
       WHERE w.pid = $1 AND NOT w.granted AND h.granted AND h.pid IS NULL
         AND own.locktype = 'transactionid' AND own.pid IS NULL
     ) ORDER BY x.prepared LIMIT 1`,
    [waiting],
  );
  if (prepared === undefined) return "a prepared transaction.";
  const { gid, owner, database, since, statement } = prepared;
  return (
    `the prepared transaction ${JSON.stringify(gid)} of database ${database} (user ${owner}, prepared at ${since}). ` +
    `Commit it in that database, or: ${statement}`
  );
}
