import {
  change,
  noTuple,
  type Block,
  type BlockRelation,
  type Cut,
  type TableEvent,
} from "../../../model/replication/block.ts";
import type { Relation } from "../../../model/replication/relation.ts";
import { copyTuple, pgoutputTuple } from "../../../wire/postgres/pgoutput/tuple.ts";
import type { CopiedRows } from "../copy/copy-rows.ts";
import type { RegionLease } from "../connection/region-pool.ts";

const noRegion = new Uint8Array(0);
const firstCapacity = 256;

let blocks = 0;

/** Collects the changes of one region. */
export class BlockBuilder {
  readonly serial = (blocks += 1);
  readonly #region: Uint8Array;
  readonly #lease: RegionLease | undefined;
  #kinds = new Uint8Array(firstCapacity);
  #subjects = new Int32Array(firstCapacity);
  #oldTuples = new Int32Array(firstCapacity);
  #newTuples = new Int32Array(firstCapacity);
  #count = 0;
  readonly #relations: BlockRelation[] = [];
  readonly #events: TableEvent[] = [];
  #cut: Cut | undefined;
  #isCheckpointWanted = false;

  /** `lease`: the lease of the region, if its memory is reused. */
  constructor(region: Uint8Array = noRegion, lease?: RegionLease) {
    this.#region = region;
    this.#lease = lease;
  }

  /** The number by which rows of this block refer to the relation. */
  subject(relation: Relation): number {
    return this.#relations.push({ relation, layout: pgoutputTuple }) - 1;
  }

  get isEmpty(): boolean {
    return this.#count === 0;
  }

  /** `kind` and `subject`, then offsets of the tuples or `noTuple`. */
  // oxlint-disable-next-line eslint/max-params -- once a row: an object for the four numbers would cost more than the rest
  row(kind: number, subject: number, oldTuple: number, newTuple: number): void {
    const at = this.#count;
    if (at === this.#kinds.length) this.#grow();
    this.#kinds[at] = kind;
    this.#subjects[at] = subject;
    this.#oldTuples[at] = oldTuple;
    this.#newTuples[at] = newTuple;
    this.#count = at + 1;
  }

  event(event: TableEvent): void {
    this.row(change.event, this.#events.push(event) - 1, noTuple, noTuple);
  }

  /**
   * A batch may end here. Only the last cut of a block is kept: no one waits for less than a block, and one object per
   * transaction would cost more than its rows.
   */
  cut({ position, sequence, ...cut }: Omit<Cut, "after">): void {
    const transactions = (this.#cut?.transactions ?? 0) + cut.transactions;
    const committedAtMs = cut.committedAtMs === 0 ? (this.#cut?.committedAtMs ?? 0) : cut.committedAtMs;
    this.#cut = { after: this.#count, position, sequence, committedAtMs, transactions };
  }

  wantCheckpoint(): void {
    this.#isCheckpointWanted = true;
  }

  /** Undefined if the block is empty. */
  build(): Block | undefined {
    if (this.#count === 0 && this.#cut === undefined) return undefined;
    // Without rows in it, the region need not be kept.
    const hasRows = this.#relations.length > 0;
    const release = hasRows ? this.#lease?.hold() : undefined;
    return {
      region: hasRows ? this.#region : noRegion,
      count: this.#count,
      kinds: this.#kinds,
      subjects: this.#subjects,
      oldTuples: this.#oldTuples,
      newTuples: this.#newTuples,
      relations: this.#relations,
      events: this.#events,
      cuts: this.#cut === undefined ? [] : [this.#cut],
      isCopied: false,
      isRepeated: false,
      checkpointWanted: this.#isCheckpointWanted,
      ...(release === undefined ? {} : { release }),
    };
  }

  #grow(): void {
    const capacity = this.#kinds.length * 4;
    this.#kinds = copyInto(new Uint8Array(capacity), this.#kinds);
    this.#subjects = copyInto(new Int32Array(capacity), this.#subjects);
    this.#oldTuples = copyInto(new Int32Array(capacity), this.#oldTuples);
    this.#newTuples = copyInto(new Int32Array(capacity), this.#newTuples);
  }
}

function copyInto<T extends Uint8Array | Int32Array>(larger: T, smaller: T): T {
  larger.set(smaller);
  return larger;
}

/** Shared by all blocks of copies, which contain only inserts of one relation. */
let inserts = { kinds: new Uint8Array(0), subjects: new Int32Array(0), oldTuples: new Int32Array(0) };

function insertsOf(count: number): typeof inserts {
  if (inserts.kinds.length < count) {
    const capacity = Math.max(1 << 16, count * 2);
    inserts = {
      kinds: new Uint8Array(capacity).fill(change.insert),
      subjects: new Int32Array(capacity),
      oldTuples: new Int32Array(capacity).fill(noTuple),
    };
  }
  return inserts;
}

/** `isRepeated`: the rows may replace others, instead of being new. */
export function copiedBlock(relation: Relation, rows: CopiedRows, isRepeated: boolean): Block {
  const count = rows.offsets.length;
  return {
    region: rows.region,
    count,
    ...insertsOf(count),
    newTuples: rows.offsets,
    relations: [{ relation, layout: copyTuple }],
    events: [],
    cuts: [],
    isCopied: !isRepeated,
    isRepeated,
    checkpointWanted: false,
    release: rows.release,
  };
}
