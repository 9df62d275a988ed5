import { rm } from "node:fs/promises";
import { join } from "node:path";
import { CodedError } from "../../../base/errors.ts";
import { logger } from "../../../base/log.ts";
import type { TableRecord } from "../../../model/replication/table-state.ts";
import type { OpenRequest, Source } from "../../source.ts";
import { CatalogWatch } from "../tables/catalog-watch.ts";
import { Feedback, feedbackLimits } from "./feedback.ts";
import { assertTimeline, readLogIdentity, type ServerLog } from "./log-history.ts";
import { formatLsn, parsePosition, type Lsn } from "./lsn.ts";
import { namesOf, type StreamNames } from "../names.ts";
import { PostgresSource } from "./postgres-source.ts";
import { assertServer } from "../catalog/preflight.ts";
import { createPublication, readPublication, type Publication } from "../catalog/publication.ts";
import { RelationResolver } from "../tables/relation-resolver.ts";
import { engineVersionOf, readServerFacts, type ServerFacts } from "../catalog/server-facts.ts";
import { Resources } from "../connection/resources.ts";
import { Session, type ConnectRequest } from "../connection/session.ts";
import { heldRelation, readMemo, readTypes, type TypeContext } from "../catalog/shape.ts";
import { awaitFreeSlot, createSlot, dropSlot, readSlot, startReplicationSql } from "./slot.ts";
import { Spools } from "./spool.ts";
import { startStream } from "./start-stream.ts";
import { StreamTables } from "../tables/stream-tables.ts";
import { resumeCopies } from "../copy/resume-copies.ts";
import { TableCopier } from "../copy/table-copier.ts";
import { readTypeContext } from "../catalog/type-context.ts";

const log = logger("postgres");

interface Opening {
  readonly request: OpenRequest;
  readonly connect: ConnectRequest;
  readonly names: StreamNames;
  readonly facts: ServerFacts;
  readonly identity: ServerLog;
  readonly control: Session;
  readonly walsender: Session;
  readonly signal: AbortSignal;
}

/** See `SourceEngine.open`. */
export async function openSource(request: OpenRequest, signal: AbortSignal): Promise<Source> {
  const { url, database } = request;
  const connect = { url, database };
  const names = namesOf(request.integrationId, database);
  await using resources = new Resources();
  const control = resources.use(await Session.open(connect, signal));
  const facts = await readServerFacts(control, names.slot);
  request.onVersion(engineVersionOf(facts));
  assertServer(facts, database);
  const walsender = resources.use(await Session.open({ ...connect, replication: true }, signal));
  const identity = await readLogIdentity(walsender);
  const opening = { request, connect, names, facts, identity, control, walsender, signal };
  const start = await placeOf(opening);
  return await assemble(opening, start, resources);
}

interface Start {
  readonly lsn: Lsn;
  /** The stream continues at the target's position; otherwise every table needs a new copy. */
  readonly isCurrent: boolean;
}

/** Makes sure that publication and slot exist, and determines where the stream begins. */
async function placeOf(opening: Opening): Promise<Start> {
  const { request, names, control, signal } = opening;
  const { checkpoint } = request.progress;
  if (checkpoint === undefined) return renew(opening);
  const held = parsePosition(checkpoint);
  await assertTimeline(opening, held);
  const publication = await readPublication(control, names.publication);
  const slot = await readSlot(control, names.slot);
  if (publication.state !== "intact" || !isAsHeld(publication, request.progress.tables)) {
    const message = `Publication ${names.publication} was dropped or altered, so every table is copied again.`;
    return lost(opening, new CodedError("PUBLICATION", message));
  }
  // A slot that is ahead of the target has discarded changes that have not been applied.
  if (slot === undefined || slot.isUnusable || slot.confirmed === undefined || slot.confirmed > held.lsn) {
    const message = `Replication slot ${names.slot} was dropped, recreated or has lost changes, so every table is copied again.`;
    return lost(opening, new CodedError("SLOT_LOST", message));
  }
  await awaitFreeSlot(control, names.slot, signal);
  return { lsn: held.lsn, isCurrent: true };
}

/**
 * Whether the publication has been neither recreated nor changed in what it publishes since the target's tables were
 * copied. It may be intact now, but PostgreSQL decodes what was written in between with the publication of that time.
 */
function isAsHeld({ publishedBy }: Publication, tables: readonly TableRecord[]): boolean {
  return tables
    .filter(({ phase }) => phase.kind === "copied" || phase.kind === "synced")
    .every(({ definition }) => (readMemo(definition)?.publishedBy ?? publishedBy) === publishedBy);
}

function lost(opening: Opening, { code, message }: CodedError): Promise<Start> {
  log.warn({ slot: opening.names.slot, code }, "The replication slot was lost; the stream starts over");
  opening.request.notice({ code, message });
  return renew(opening);
}

/** The publication first: pgoutput looks it up as of the changes that it decodes. */
async function renew({ request, connect, names, facts, control, signal }: Opening): Promise<Start> {
  await dropSlot(control, names.slot, signal);
  await dropSlot(control, names.copySlot, signal);
  await createPublication(control, names.publication);
  const { onWait } = request;
  const lsn = await createSlot({ ...connect, slot: names.slot, version: facts.version, onWait }, signal);
  onWait(undefined);
  return { lsn, isCurrent: false };
}

async function assemble(opening: Opening, start: Start, opened: Resources): Promise<PostgresSource> {
  const { request, connect, names, identity, control, walsender, signal } = opening;
  const { scope, database, catalogPollMs, progress, onWait } = request;
  const spools = opened.use(await Spools.open(request.spoolDirectory, request.dataKey));
  const tables = new StreamTables(progress.tables, start.isCurrent);
  await findDecoders(control, tables, progress.tables);
  const watch = new CatalogWatch({
    session: opened.use(await Session.open(connect, signal)),
    names,
    scope,
    database,
    tables,
  });
  const resumed = start.isCurrent
    ? await resumeCopies({ connect, names, control, tables: tables.byOid, progress }, signal)
    : undefined;
  if (resumed !== undefined) opened.use(resumed.slot);
  await watch.look();
  const copiesDirectory = join(request.spoolDirectory, "copies");
  // What a crash has left of transactions that were being read.
  await rm(copiesDirectory, { recursive: true, force: true });
  const copier = opened.use(
    new TableCopier({
      connect,
      names,
      log: identity,
      tables,
      control,
      spoolDirectory: copiesDirectory,
      dataKey: request.dataKey,
      onWait,
      resumed,
      start: start.lsn,
    }),
  );
  const resolver = new RelationResolver({ session: control, publication: names.publication, tables });
  const { socket, regions, first } = await startStream(
    walsender,
    startReplicationSql(names.slot, names.publication, formatLsn(start.lsn)),
    signal,
  );
  opened.use(socket);
  const feedback = opened.use(new Feedback(socket, start.lsn, feedbackLimits));
  const resources = opened.move();
  const parts = { connect, names, log: identity, start: start.lsn, catalogPollMs, tables, control };
  return new PostgresSource({
    ...parts,
    socket,
    regions,
    first,
    feedback,
    watch,
    resolver,
    copier,
    spools,
    resources,
  });
}

/** After a restart: finds decoders for the tables as the target holds them, from the types that they had then. */
async function findDecoders(
  session: Session,
  tables: StreamTables,
  records: readonly TableRecord[],
): Promise<void> {
  const oids = records.flatMap(({ definition }) => readMemo(definition)?.columns.map(([oid]) => oid) ?? []);
  const { moneyScale } = await readTypeContext(session, []);
  const context: TypeContext = { types: await readTypes(session, oids), moneyScale };
  for (const table of tables.byOid.values()) {
    table.relation = heldRelation(table.definition, context);
    // A complete copy whose changes can no longer be read is copied again.
    if (table.phase.kind === "copied" && table.relation === undefined) table.enter({ kind: "wanted" });
  }
}
