import { change, type Block } from "../../../model/replication/block.ts";
import type { Region } from "../connection/backend-socket.ts";
import { Resources } from "../connection/resources.ts";
import type { Session } from "../connection/session.ts";
import { BlockBuilder } from "../stream/block-builder.ts";
import { Feedback, feedbackLimits } from "../stream/feedback.ts";
import { built, LogReader } from "../stream/log-reader.ts";
import type { Lsn } from "../stream/lsn.ts";
import type { Spools } from "../stream/spool.ts";
import type { StartedStream } from "../stream/start-stream.ts";
import { RelationResolver, type FollowedTables } from "../tables/relation-resolver.ts";
import { TrackedTable } from "../tables/tracked-table.ts";
import type { CopyJob } from "./copy-plan.ts";
import type { CopySlot } from "./copy-slot.ts";

export interface CatchUpRequest {
  /** Retains every change since the position of the copies. */
  readonly slot: CopySlot;
  readonly publication: string;
  /** The tables that have been copied. */
  readonly jobs: readonly CopyJob[];
  /** Whether the copies may contain later versions of rows than at a position. */
  readonly isMixed: (lsn: Lsn) => boolean;
  /** Ids of tables without a key, which are lost if rows are updated or deleted there. */
  readonly cannotRepeat: ReadonlySet<string>;
  /** A session that sees the current catalog. */
  readonly control: Session;
  /** Opens the spools of transactions that are sent before their commit. */
  readonly openSpools: () => Promise<Spools>;
  /** Marks where the copies' batches may end. */
  readonly cut: (block: BlockBuilder, transactions: number) => void;
}

/**
 * Reads the changes that were made to copied tables since their snapshot, from the slot that exported it. This brings a
 * copy to a later position while the stream continues.
 */
export class CatchUp implements AsyncDisposable {
  readonly #request: CatchUpRequest;
  readonly #stream: StartedStream;
  readonly #resources: Resources;
  readonly #feedback: Feedback;
  readonly #log: LogReader;
  readonly #tables = new Map<number, TrackedTable>();
  readonly #lost = new Set<number>();
  #hasUpdates = false;
  #position: Lsn;
  /** Received, but not read yet. */
  #received: Region | undefined;
  /** The region that is being read. */
  #blocks: AsyncGenerator<Block, void> | undefined;

  private constructor(
    request: CatchUpRequest,
    stream: StartedStream,
    { resources, spools }: { resources: Resources; spools: Spools },
  ) {
    this.#request = request;
    this.#stream = stream;
    this.#resources = resources;
    const { slot, jobs, control, publication } = request;
    this.#position = slot.lsn;
    this.#received = stream.first;
    for (const { shape } of jobs) {
      const table = new TrackedTable(shape.relation, { kind: "copied", from: slot.lsn });
      table.hold(shape);
      this.#tables.set(table.oid, table);
    }
    this.#feedback = resources.use(new Feedback(stream.socket, slot.lsn, feedbackLimits));
    const followed: FollowedTables = {
      follow: (table, change) => {
        if (change.kind !== "same") this.#lose(table);
      },
      drop: (table) => this.#lose(table),
    };
    const resolver = new RelationResolver({ session: control, publication, tables: followed });
    this.#log = new LogReader(
      { tables: this.#tables, regions: stream.regions, resolver, spools },
      {
        commit: ({ endLsn }, block) => {
          this.#position = endLsn;
          request.cut(block, 1);
        },
        boundary: (lsn) => this.#boundary(lsn),
        keepalive: ({ walEnd, replyRequested }) => this.#keepalive(walEnd, replyRequested),
      },
    );
  }

  /** Starts streaming from the slot. */
  static async open(request: CatchUpRequest, signal: AbortSignal): Promise<CatchUp> {
    await using opened = new Resources();
    const spools = opened.use(await request.openSpools());
    const stream = await request.slot.stream(request.publication, signal);
    opened.use(stream.socket);
    return new CatchUp(request, stream, { resources: opened.move(), spools });
  }

  /** OIDs of tables that can no longer catch up, because they were altered or dropped after the snapshot. */
  get lost(): ReadonlySet<number> {
    return this.#lost;
  }

  /** Whether rows have been updated while the copies could contain later versions. */
  get hasUpdates(): boolean {
    return this.#hasUpdates;
  }

  /** Everything that was committed before this position has been yielded. */
  get position(): Lsn {
    return this.#position;
  }

  get bytesRead(): number {
    return this.#stream.socket.bytesRead;
  }

  /** Call it when the target has stored everything that was yielded so far. */
  confirm(): void {
    this.#feedback.confirm(this.#position);
  }

  /** Yields the changes that were committed before `lsn`, and none that were committed at or after it. */
  async *readTo(lsn: Lsn, signal: AbortSignal): AsyncGenerator<Block, void> {
    this.#log.decoder.boundary = lsn;
    this.#feedback.ask();
    while (this.#position < lsn) {
      this.#blocks ??= this.#log.read(this.#received ?? (await this.#stream.socket.read(signal)), signal);
      this.#received = undefined;
      const before = this.#position;
      const { value, done } = await this.#blocks.next();
      if (done === true) this.#blocks = undefined;
      else yield this.#request.isMixed(before) ? this.#repeated(value) : value;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stream.socket.destroy();
    await this.#blocks?.return();
    await this.#resources[Symbol.asyncDispose]();
  }

  #repeated(block: Block): Block {
    this.#hasUpdates ||= block.kinds.subarray(0, block.count).includes(change.update);
    for (const [subject, { relation }] of block.relations.entries()) {
      const table = this.#tables.get(Number(relation.id));
      if (table === undefined || !this.#request.cannotRepeat.has(relation.id)) continue;
      const isInsert = (kind: number, at: number): boolean =>
        kind === change.insert || kind === change.event || block.subjects[at] !== subject;
      if (!block.kinds.subarray(0, block.count).every(isInsert)) this.#lose(table);
    }
    return { ...block, isRepeated: true };
  }

  /** The decoder's boundary may have been moved since it stopped there. */
  async *#boundary(lsn: Lsn): AsyncGenerator<Block, void> {
    this.#position = lsn;
    const block = new BlockBuilder();
    this.#request.cut(block, 0);
    yield* built(block);
  }

  // oxlint-disable-next-line eslint/require-yield -- a keepalive adds no changes
  async *#keepalive(walEnd: Lsn, replyRequested: boolean): AsyncGenerator<Block, void> {
    if (replyRequested) this.#feedback.reply();
    // Within a transaction, the part that was sent so far may be incomplete up to this position.
    if (this.#log.decoder.transaction === undefined && walEnd > this.#position) this.#position = walEnd;
  }

  #lose(table: TrackedTable): void {
    this.#lost.add(table.oid);
    table.enter({ kind: "wanted" });
  }
}
