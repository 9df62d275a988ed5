import { SerialQueue } from "../../../base/serial-queue.ts";
import { logger } from "../../../base/log.ts";
import type { TableFailureReason } from "../../../model/replication/block.ts";
import type { Scope } from "../../../model/data-filter.ts";
import { CodedError } from "../../../base/errors.ts";
import {
  parseTable,
  readTableTexts,
  tablesMarkSql,
  type CatalogTable,
  type CatalogTables,
} from "../catalog/catalog-table.ts";
import { parseLsn, type Lsn } from "../stream/lsn.ts";
import { withEmptyPartitions } from "./empty-partitions.ts";
import type { StreamNames } from "../names.ts";
import { readPublication, unpublishTable } from "../catalog/publication.ts";
import { selectTables } from "../catalog/scope-tables.ts";
import type { Session } from "../connection/session.ts";
import { followable, nameOf, shapeOf, type TypeContext } from "../catalog/shape.ts";
import type { Observation } from "./stream-tables.ts";
import { readTypeContext } from "../catalog/type-context.ts";

const log = logger("postgres");

/** The selected tables as of the last check that found a change. */
export interface CatalogView {
  readonly number: number;
  readonly selected: CatalogTables;
  readonly context: TypeContext;
}

export interface WatchRequest {
  /** For the watch alone: it may wait for locks. */
  readonly session: Session;
  readonly names: StreamNames;
  readonly scope: Scope;
  readonly database: string;
  /** Receives the number of each check when it begins. */
  readonly tables: { look: number; readonly changedAt: number };
}

/** Checks the source's catalog periodically, and keeps the publication free of tables that cannot be in it. */
export class CatalogWatch {
  readonly #request: WatchRequest;
  readonly #queue = new SerialQueue();
  #number = 0;
  #texts: readonly string[] = [];
  /** The texts of the last observation: no new observation while they are unchanged. */
  #observed: readonly string[] | undefined;
  /** The number of the check that observed them. */
  #observedAt = 0;
  /** Which transactions were visible before the last check that succeeded. */
  #seenAtLook: string | undefined;
  #view: CatalogView | undefined;
  #observation: Observation | undefined;
  #refused = new Map<number, TableFailureReason>();
  /** The result of `hasTableNews` before the last check. */
  #mark: string | undefined;
  /** Tables as last parsed, by their texts: most are unchanged at the next check. */
  #parsed: ReadonlyMap<string, CatalogTable> = new Map();

  constructor(request: WatchRequest) {
    this.#request = request;
  }

  /** Increases with each check; a check in progress already has the number. */
  get number(): number {
    return this.#number;
  }

  get view(): CatalogView | undefined {
    return this.#view;
  }

  /** To be applied when the stream reaches its position. */
  get observation(): Observation | undefined {
    return this.#observation;
  }

  /** Tables by oid that had to leave the publication since the last call: their changes no longer arrive. */
  takeRefused(): ReadonlyMap<number, TableFailureReason> {
    const refused = this.#refused;
    this.#refused = new Map();
    return refused;
  }

  /** The observation has been applied. `isComplete`: to every table; otherwise the next check observes again. */
  taken(isComplete: boolean): void {
    this.#observation = undefined;
    if (!isComplete) this.#observed = undefined;
  }

  /**
   * Checks one at a time. Throws `CodedError` PUBLICATION if the stream cannot continue. `isFresh`: an observation that
   * has not been applied is replaced by a newer one.
   */
  async look({ isFresh = false } = {}): Promise<void> {
    await this.#queue.run(() => this.#look(isFresh));
  }

  async #look(isFresh: boolean): Promise<void> {
    this.#number += 1;
    this.#request.tables.look = this.#number;
    const seen = await this.#readVisible();
    if (seen !== this.#seenAtLook) await this.#lookAtPublication();
    else if (this.#isObserved(this.#texts) && !isFresh) return;
    this.#mark = await this.#readMark();
    const texts = await this.#read();
    if (this.#view === undefined || this.#isViewOld(this.#view, texts)) {
      this.#texts = texts;
      this.#view = await this.#viewOf(texts);
      await this.#unpublish(this.#view);
    }
    if (isFresh) this.taken(false);
    await this.#observe(texts, this.#view);
    // Not earlier: after a check that fails, nothing is known to be unchanged.
    this.#seenAtLook = seen;
  }

  /**
   * Whether tables have been created, dropped or altered since the last check. It does not detect everything that a
   * check detects, but costs the source a small part of one.
   */
  async hasTableNews(): Promise<boolean> {
    return (await this.#readMark()) !== this.#mark;
  }

  async #readMark(): Promise<string> {
    const { mark } = await this.#request.session.row<{ mark: string }>(tablesMarkSql);
    return mark;
  }

  /** Which transactions are visible. While they are the same, so are the catalog and the publication. */
  async #readVisible(): Promise<string> {
    const { seen } = await this.#request.session.row<{ seen: string }>(
      "SELECT pg_current_snapshot()::text AS seen",
    );
    return seen;
  }

  /**
   * A table whose state has changed since is evaluated again with the same texts: it may have failed, and already be
   * repaired.
   */
  #isViewOld(view: CatalogView, texts: readonly string[]): boolean {
    return this.#request.tables.changedAt >= view.number || !sameTexts(texts, this.#texts);
  }

  /**
   * Whether an observation of these was made after every change of a table's state: a table that was published, copied
   * and removed again between two checks has the same texts as before, but it is not the same.
   */
  #isObserved(texts: readonly string[]): boolean {
    if (this.#request.tables.changedAt >= this.#observedAt) return false;
    return this.#observed !== undefined && sameTexts(texts, this.#observed);
  }

  #read(): Promise<readonly string[]> {
    const { session, names } = this.#request;
    return readTableTexts(session, { publication: names.publication });
  }

  async #logEnd(): Promise<Lsn> {
    const { lsn } = await this.#request.session.row<{ lsn: string }>(
      "SELECT pg_current_wal_insert_lsn()::text AS lsn",
    );
    return parseLsn(lsn);
  }

  async #viewOf(texts: readonly string[]): Promise<CatalogView> {
    const { session, scope, database } = this.#request;
    this.#parsed = new Map(texts.map((text) => [text, this.#parsed.get(text) ?? parseTable(text)]));
    const tables = new Map([...this.#parsed.values()].map((table) => [table.oid, table]));
    const selected = await withEmptyPartitions(session, selectTables(tables, scope, database));
    return { number: this.#number, selected, context: await readTypeContext(session, selected.values()) };
  }

  /**
   * What was read both before and after an LSN was the catalog at that LSN. (A transaction that waits for a synchronous
   * standby is in the log but not yet visible; following the stream to that LSN shows that its tables have changed
   * since.)
   */
  async #observe(texts: readonly string[], view: CatalogView): Promise<void> {
    if (this.#observation !== undefined) return;
    if (this.#isObserved(texts)) return;
    const lsn = await this.#logEnd();
    if (!sameTexts(texts, await this.#read())) return;
    this.#observed = texts;
    this.#observedAt = this.#number;
    this.#observation = { ...view, number: this.#number, lsn };
  }

  /** Immediately: until then the updates of such a table's users fail. */
  async #unpublish({ selected, context }: CatalogView): Promise<void> {
    const { session, names } = this.#request;
    for (const table of this.#parsed.values()) {
      if (table.membership === null) continue;
      const result = shapeOf(followable(table), context);
      if (selected.has(table.oid) && result.kind === "shape") continue;
      if (result.kind === "failed") this.#refused.set(table.oid, result.reason);
      log.info({ table: nameOf(table) }, "Taking a table out of the publication");
      await unpublishTable(session, names.publication, table);
    }
  }

  async #lookAtPublication(): Promise<void> {
    const { session, names } = this.#request;
    const publication = await readPublication(session, names.publication);
    if (publication.state !== "intact")
      throw new CodedError("PUBLICATION", `Publication ${names.publication} was dropped or altered.`);
  }
}

function sameTexts(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((text, index) => text === b[index]);
}
