import type { Session } from "../connection/session.ts";

/** Facts about a server and our user: everything that the preflight checks, and the version. */
export interface ServerFacts {
  /** `server_version_num`, such as 160014. */
  readonly version: number;
  readonly versionText: string;
  readonly user: string;
  readonly walLevel: string;
  readonly slotsMax: number;
  readonly slotsUsed: number;
  /** Whether the slot of this stream is among them. */
  readonly hasSlot: boolean;
  readonly sendersMax: number;
  readonly sendersUsed: number;
  /** Ordinary connections that the server leaves to users who are not superusers. */
  readonly connectionsMax: number;
  readonly connectionsUsed: number;
  /** Limit of our user; −1: no limit. */
  readonly connectionLimit: number;
  readonly connectionsOfUser: number;
  readonly mayReplicate: boolean;
  readonly mayCreate: boolean;
  /** MB; −1: no limit. */
  readonly slotKeepMb: number;
  /** `synchronous_standby_names`. */
  readonly standbyNames: string;
  readonly encoding: string;
  readonly isStandby: boolean;
}

/** As RDS writes it, such as `15.4`, without what a distribution adds to the server's version text. */
export function engineVersionOf({ version }: Pick<ServerFacts, "version">): string {
  return `${Math.trunc(version / 10_000)}.${version % 10_000}`;
}

export function readServerFacts(session: Session, slot: string): Promise<ServerFacts> {
  return session.row<{ [Fact in keyof ServerFacts]: ServerFacts[Fact] }>(factsSql, [slot]);
}

// Managed servers grant the right to replicate through a role instead of the attribute.
const factsSql = `
SELECT current_setting('server_version_num')::int AS "version",
  current_setting('server_version') AS "versionText",
  current_user::text AS "user",
  current_setting('wal_level') AS "walLevel",
  current_setting('max_replication_slots')::int AS "slotsMax",
  (SELECT count(*)::int FROM pg_replication_slots) AS "slotsUsed",
  EXISTS (SELECT FROM pg_replication_slots WHERE slot_name = $1) AS "hasSlot",
  current_setting('max_wal_senders')::int AS "sendersMax",
  (SELECT count(*)::int FROM pg_stat_replication) AS "sendersUsed",
  current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
    - coalesce(current_setting('reserved_connections', true)::int, 0) AS "connectionsMax",
  (SELECT sum(numbackends)::int FROM pg_stat_database) AS "connectionsUsed",
  (SELECT rolconnlimit FROM pg_roles WHERE rolname = current_user) AS "connectionLimit",
  (SELECT count(*)::int FROM pg_stat_activity WHERE usename = current_user) AS "connectionsOfUser",
  (SELECT r.rolreplication OR r.rolsuper FROM pg_roles r WHERE r.rolname = current_user)
    OR coalesce((SELECT pg_has_role(r.oid, 'MEMBER') FROM pg_roles r WHERE r.rolname = 'rds_replication'), false)
    AS "mayReplicate",
  has_database_privilege(current_database(), 'CREATE') AS "mayCreate",
  (SELECT setting::int FROM pg_settings WHERE name = 'max_slot_wal_keep_size') AS "slotKeepMb",
  current_setting('synchronous_standby_names') AS "standbyNames",
  current_setting('server_encoding') AS "encoding",
  pg_is_in_recovery() AS "isStandby"`;
