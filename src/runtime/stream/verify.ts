import { CodedError } from "../../base/errors.ts";
import type { TableFailureReason } from "../../model/replication/block.ts";
import type { TableDigest } from "../../model/replication/digest.ts";
import type { TableName } from "../../model/replication/relation.ts";
import { stateName, type TableRecord, type TableStateName } from "../../model/replication/table-state.ts";
import type { Source } from "../../source/source.ts";
import type { DestinationDatabase } from "../../target/target.ts";
import { untilArrived } from "./arrival.ts";
import { waitFor } from "./wait-for.ts";

/** The result of `verify` for one table. */
export type TableVerification = {
  readonly name: TableName;
} & (
  | { readonly kind: "equal"; readonly digest: TableDigest }
  | { readonly kind: "different"; readonly source: TableDigest; readonly target: TableDigest }
  /** Not compared: the source does not permit reading it. */
  | { readonly kind: "unreadable"; readonly reason: TableFailureReason }
  /** Not compared: the table is not in step with the source, as `status` also shows. */
  | { readonly kind: "skipped"; readonly state: TableStateName; readonly reason: string | undefined }
);

export interface VerifiedStream {
  readonly source: Source;
  readonly database: DestinationDatabase;
  /** Called after each commit at the target. */
  readonly onChange: (listener: () => void) => () => void;
}

/**
 * Compares source and warehouse at one position. The stream pauses only until both snapshots are taken. Throws
 * `CodedError` (TARGET_NOT_COMPARABLE if the target's engine cannot do this).
 */
export async function verifyStream(
  { source, database, onChange }: VerifiedStream,
  signal: AbortSignal,
): Promise<readonly TableVerification[]> {
  if (database.view === undefined)
    throw new CodedError(
      "TARGET_NOT_COMPARABLE",
      `The kind of warehouse that holds database ${JSON.stringify(database.name)} cannot be compared with its source.`,
    );
  await using standstill = await untilArrived(source, (limited) => source.standstill(limited), signal);
  const { position } = standstill;
  const look = () => (database.progress().checkpoint === position ? position : undefined);
  await untilArrived(source, (limited) => waitFor({ look, onChange }, limited), signal);
  const { tables } = database.progress();
  await using view = await database.view();
  standstill.release();
  if (view.checkpoint !== standstill.position)
    throw new CodedError("TARGET_FAILED", "The warehouse changed while its snapshot was taken; try again.");
  const verifications: TableVerification[] = [];
  for (const record of tables) {
    const compare = async (): Promise<TableVerification> => {
      const name = record.definition.name;
      const [reading, ofTarget] = await both(
        standstill.digest(record.definition, signal),
        view.digest(record.definition, signal),
      );
      if (reading.kind === "unreadable") return { name, ...reading };
      const ofSource = reading.digest;
      return ofSource.rows === ofTarget.rows && ofSource.hash === ofTarget.hash
        ? { name, kind: "equal", digest: ofSource }
        : { name, kind: "different", source: ofSource, target: ofTarget };
    };
    if (record.phase.kind === "deleted") continue;
    verifications.push(record.phase.kind === "synced" ? await compare() : skipped(record));
  }
  return verifications;
}

/** Unlike `Promise.all`, it waits for both even if one fails: neither connection is closed while it is in use. */
async function both<A, B>(a: Promise<A>, b: Promise<B>): Promise<[A, B]> {
  await Promise.allSettled([a, b]);
  return [await a, await b];
}

function skipped({ definition, phase }: TableRecord): TableVerification {
  const reason = phase.kind === "failed" ? phase.reason.message : undefined;
  return { name: definition.name, kind: "skipped", state: stateName(phase), reason };
}
