import { assert, unreachable } from "../../../base/assert.ts";
import type { Block } from "../../../model/replication/block.ts";
import type { Commit, Keepalive, StreamCommit } from "../../../wire/postgres/pgoutput/stream.ts";
import type { Region } from "../connection/backend-socket.ts";
import { RegionLease, type RegionPool } from "../connection/region-pool.ts";
import type { RelationResolver } from "../tables/relation-resolver.ts";
import type { TrackedTable } from "../tables/tracked-table.ts";
import { BlockBuilder } from "./block-builder.ts";
import { Decoder, type Stop } from "./decoder.ts";
import type { Lsn } from "./lsn.ts";
import type { Spools } from "./spool.ts";

/** Callbacks for places in the log that are not rows. */
export interface LogPlaces {
  /** A transaction has ended; its rows are in this block and those before it. */
  readonly commit: (commit: Pick<Commit, "endLsn" | "committedAtMs">, block: BlockBuilder) => void;
  /** A transaction begins that committed at or after the decoder's boundary. Called again until that has moved. */
  readonly boundary: (lsn: Lsn, signal: AbortSignal) => AsyncGenerator<Block, void>;
  readonly keepalive: (keepalive: Keepalive, signal: AbortSignal) => AsyncGenerator<Block, void>;
}

interface LogParts {
  readonly tables: ReadonlyMap<number, TrackedTable>;
  readonly regions: RegionPool;
  readonly resolver: Pick<RelationResolver, "resolve">;
  readonly spools: Spools;
}

/** Reads one replication stream, region by region. Transactions that are sent in pieces wait in spools. */
export class LogReader {
  readonly decoder: Decoder;
  readonly #parts: LogParts;
  readonly #places: LogPlaces;

  constructor(parts: LogParts, places: LogPlaces) {
    this.decoder = new Decoder(parts.tables);
    this.#parts = parts;
    this.#places = places;
  }

  /** Yields the changes of one region, and what the callbacks for places in it add. */
  async *read(region: Region, signal: AbortSignal): AsyncGenerator<Block, void> {
    const { decoder } = this;
    decoder.at = 0;
    const lease = new RegionLease(this.#parts.regions, region);
    let block = new BlockBuilder(region, lease);
    for (;;) {
      const stop = decoder.decode(region, block);
      if (stop.kind === "end") break;
      const around = this.#around(stop, signal);
      if (around === undefined) await this.#within(stop, block, signal);
      else {
        yield* built(block);
        yield* around;
        block = new BlockBuilder(region, lease);
      }
    }
    yield* built(block);
    lease.release();
    await this.#parts.spools.flush();
  }

  /** Separate blocks, between those of the region. */
  #around(stop: Stop, signal: AbortSignal): AsyncGenerator<Block, void> | undefined {
    switch (stop.kind) {
      case "boundary":
        return this.#places.boundary(stop.lsn, signal);
      case "stream-commit":
        return this.#replay(stop.commit, signal);
      case "keepalive":
        return this.#places.keepalive(stop.keepalive, signal);
      case "end":
      case "unresolved":
      case "commit":
      case "stream":
      case "stream-abort":
        return undefined;
      default:
        return unreachable(stop);
    }
  }

  async #within(stop: Stop, block: BlockBuilder, signal: AbortSignal): Promise<void> {
    const { resolver, spools } = this.#parts;
    switch (stop.kind) {
      case "unresolved":
        return resolver.resolve(stop.table, { block, signal });
      case "commit":
        return this.#places.commit(stop.commit, block);
      case "stream":
        this.decoder.spool = await spools.get(stop.xid);
        return;
      case "stream-abort":
        if (stop.abort.subXid === stop.abort.xid) await spools.remove(stop.abort.xid);
        else (await spools.get(stop.abort.xid)).aborted.add(stop.abort.subXid);
        return;
      case "end":
      case "boundary":
      case "stream-commit":
      case "keepalive":
        return;
      default:
        unreachable(stop);
    }
  }

  /** A transaction that was sent in pieces has committed: blocks without a cut, except for the last. */
  async *#replay(commit: StreamCommit, signal: AbortSignal): AsyncGenerator<Block, void> {
    const { spools, resolver } = this.#parts;
    const { decoder } = this;
    const { at } = decoder;
    const spool = await spools.get(commit.xid);
    await spool.flush();
    decoder.enter(commit);
    for await (const region of spool.regions()) {
      decoder.at = 0;
      const block = new BlockBuilder(region);
      for (;;) {
        const stop = decoder.decodeSpooled(region, spool, block);
        if (stop.kind === "end") break;
        assert(stop.kind === "unresolved", "a transaction that is sent in pieces holds nothing but changes");
        await resolver.resolve(stop.table, { block, signal });
      }
      yield* built(block);
    }
    decoder.enter(undefined);
    decoder.at = at;
    const last = new BlockBuilder();
    this.#places.commit(commit, last);
    yield* built(last);
    await spools.remove(commit.xid);
  }
}

export function* built(block: BlockBuilder): Generator<Block, void> {
  const result = block.build();
  if (result !== undefined) yield result;
}
