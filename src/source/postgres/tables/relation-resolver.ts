import { pause } from "../../../base/backoff.ts";
import { present } from "../../../base/assert.ts";
import type { BlockBuilder } from "../stream/block-builder.ts";
import { readTables, type CatalogTable } from "../catalog/catalog-table.ts";
import { withEmptyPartitions } from "./empty-partitions.ts";
import { describedTable, followCatalog, type SchemaChange } from "./schema-change.ts";
import type { Session } from "../connection/session.ts";
import type { TypeContext } from "../catalog/shape.ts";
import type { StreamTables } from "./stream-tables.ts";
import type { TrackedTable } from "./tracked-table.ts";
import { readTypeContext } from "../catalog/type-context.ts";

/** How often and how long to wait for a catalog that lags behind the stream. */
const behindMs = 50;
const behindTries = 40;

/** What becomes of a table whose description has been resolved. */
export type FollowedTables = Pick<StreamTables, "follow" | "drop">;

/** Determines which columns the stream's description of a table refers to, using the catalog. */
export class RelationResolver {
  readonly #session: Session;
  readonly #publication: string;
  readonly #tables: FollowedTables;

  constructor(parts: {
    readonly session: Session;
    readonly publication: string;
    readonly tables: FollowedTables;
  }) {
    this.#session = parts.session;
    this.#publication = parts.publication;
    this.#tables = parts.tables;
  }

  /** Afterwards the table is resolved, or no longer accepts changes. */
  async resolve(table: TrackedTable, work: ResolveWork): Promise<void> {
    const message = present(table.message, "a row comes behind the description of its table");
    for (let attempt = 0; ; attempt += 1) {
      const now = await this.#read(table);
      if (now === undefined) {
        // Dropped later in the log: its remaining changes in the stream would soon be obsolete.
        this.#tables.drop(table, work.block);
        return;
      }
      const described = describedTable(table, now, message);
      if (described === "behind" && attempt < behindTries) {
        await pause(behindMs, work.signal);
        continue;
      }
      const change = await this.#change(table, now, typeof described === "string" ? undefined : described);
      this.#tables.follow(table, change, work.block);
      table.isResolved = change.kind === "same" || change.kind === "altered";
      return;
    }
  }

  async #change(
    table: TrackedTable,
    now: CatalogTable,
    described: CatalogTable | undefined,
  ): Promise<SchemaChange> {
    const context = await readTypeContext(this.#session, [
      now,
      ...(described === undefined ? [] : [described]),
    ]);
    if (described !== undefined && hasTypes(described, context)) {
      const change = followCatalog(table, described, context);
      if (change.kind !== "failed") return change;
    }
    // The rows at this position can no longer be interpreted, or cannot be followed; a copy has their outcome.
    const change = followCatalog(table, now, context);
    return change.kind === "failed" ? change : { kind: "recopy", shape: change.shape };
  }

  async #read({ oid }: TrackedTable): Promise<CatalogTable | undefined> {
    const request = { publication: this.#publication, oids: [oid] };
    const tables = await readTables(this.#session, request);
    return (await withEmptyPartitions(this.#session, tables)).get(oid);
  }
}

export interface ResolveWork {
  readonly block: BlockBuilder;
  readonly signal: AbortSignal;
}

function hasTypes({ columns }: CatalogTable, { types }: TypeContext): boolean {
  return columns.every(({ typeOid }) => types.has(typeOid));
}
