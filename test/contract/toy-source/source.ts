import { setTimeout as sleep } from "node:timers/promises";
import { Condition } from "../../../src/base/condition.ts";
import type { Block } from "../../../src/model/replication/block.ts";
import { asPosition, type Position } from "../../../src/model/replication/position.ts";
import type { Relation, TableDefinition } from "../../../src/model/replication/relation.ts";
import type { OpenRequest, Reach, Source, SourceMeasures, Standstill } from "../../../src/source/source.ts";
import type { Cell } from "../../support/plain-tuples.ts";
import { digestOfRows } from "../../support/digest-of-rows.ts";
import { inScope } from "../../../src/model/data-filter.ts";
import type { SourceChange } from "../source.ts";
import { blockOf, type Change } from "./block.ts";
import { relationOf, type Log } from "./log.ts";

/** A table of the stream. */
interface Tracked {
  readonly relation: Relation;
  /** While it is being copied: the last cut of its copy so far. */
  copyCut: number | undefined;
}

export class ToySource implements Source {
  readonly #log: Log;
  readonly #request: OpenRequest;
  #at: number;
  /** By name. */
  readonly #tables = new Map<string, Tracked>();
  /** Changes at the beginning of the stream. */
  readonly #begin: Change[] = [];
  readonly #copied: Block[] = [];
  readonly #copiesGrown = new Condition();
  #copyCuts = 0;
  #copiesConfirmed = 0;
  #standstill: { readonly at: number } | undefined;
  readonly #released = new Condition();
  #completeAtMs: number | undefined;

  /** The log has been read. */
  constructor(log: Log, request: OpenRequest) {
    this.#log = log;
    this.#request = request;
    const { checkpoint, tables: records } = request.progress;
    this.#at = checkpoint === undefined ? log.length : Number(checkpoint);
    for (const [name, { relation, rows }] of log.snapshot(this.#at)) {
      if (!this.#selects(name)) continue;
      const phase = records.find(({ definition }) => definition.id === relation.id)?.phase;
      if (phase?.kind === "failed") continue;
      if (phase?.kind === "synced") this.#tables.set(name, { relation, copyCut: undefined });
      else this.#begin.push(this.#startCopy(relation, [...rows]));
    }
  }

  async *read(signal: AbortSignal): AsyncGenerator<Block, never, void> {
    if (this.#begin.length > 0) yield this.#block(this.#begin.splice(0));
    for (;;) {
      signal.throwIfAborted();
      const finished = this.#finished();
      if (finished.length > 0) yield this.#block(finished);
      if (this.#standstill?.at === this.#at) {
        yield this.#block([]);
        while (this.#standstill?.at === this.#at) await this.#released.wait(signal);
      } else if (this.#log.at(this.#at) === undefined) await this.#poll(signal);
      else yield this.#next();
    }
  }

  confirm(): void {
    // The log is never discarded.
  }

  async *copies(signal: AbortSignal): AsyncGenerator<Block, never, void> {
    for (;;) {
      signal.throwIfAborted();
      const block = this.#copied.shift();
      if (block === undefined) await this.#copiesGrown.wait(signal);
      else yield block;
    }
  }

  confirmCopies(position: Position): void {
    this.#copiesConfirmed = Number(position);
  }

  measures(): SourceMeasures {
    const waiting = this.#begin.flatMap((each) => ("event" in each ? [each.event.relation.id] : []));
    const copiesWaiting = new Set(waiting);
    return { retainedBytes: undefined, bytesRead: this.#log.bytes, copiesWaiting, copies: new Map() };
  }

  reach(): Reach {
    return { completeAtMs: this.#completeAtMs, waitingSinceMs: undefined, stall: undefined };
  }

  async standstill(): Promise<Standstill> {
    await this.#log.refresh();
    const at = this.#log.length;
    const tables = this.#log.snapshot(at);
    const standstill = { at };
    this.#standstill = standstill;
    const release = (): void => {
      if (this.#standstill === standstill) this.#standstill = undefined;
      this.#released.notify();
    };
    return {
      position: asPosition(String(at)),
      release,
      digest: ({ name }: TableDefinition) => {
        const table = tables.get(name.table);
        if (table === undefined)
          return Promise.resolve({ kind: "unreadable", reason: { code: "TABLE_MISSING", message: "gone" } });
        return Promise.resolve({ kind: "read", digest: digestOfRows(table.relation, [...table.rows]) });
      },
      [Symbol.asyncDispose]: () => Promise.resolve(release()),
    };
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve();
  }

  #selects(table: string): boolean {
    return inScope(this.#request.scope, this.#request.database, { schema: "public", table });
  }

  async #poll(signal: AbortSignal): Promise<void> {
    const askedAtMs = Date.now();
    await this.#log.refresh();
    if (this.#log.at(this.#at) !== undefined) return;
    this.#completeAtMs = askedAtMs;
    await sleep(10, undefined, { signal }).catch(() => signal.throwIfAborted());
  }

  /** The next transaction, without the changes of tables that are being copied. */
  #next(): Block {
    const number = this.#at;
    const { changes = [], committedAtMs = 0 } = this.#log.at(number) ?? {};
    this.#at += 1;
    const sent: Change[] = [];
    for (const logged of changes.filter(({ table }) => this.#selects(table))) {
      if (logged.kind === "create") {
        sent.push(this.#startCopy(relationOf(logged.table, number), []));
        continue;
      }
      const tracked = this.#tables.get(logged.table);
      if (tracked === undefined) continue;
      const change = changeOf(tracked.relation, logged);
      if (tracked.copyCut === undefined) sent.push(change);
      else this.#copy(tracked, [change], false);
    }
    return this.#block(sent, { committedAtMs, transactions: 1 });
  }

  #startCopy(relation: Relation, rows: readonly Cell[][]): Change {
    const tracked = { relation, copyCut: 0 };
    this.#tables.set(relation.name.table, tracked);
    const inserts = rows.map((after): Change => ({ kind: "insert", relation, after }));
    this.#copy(tracked, inserts, true);
    return { event: { kind: "copy-started", relation } };
  }

  /** Adds changes to a table's copy. */
  #copy(tracked: Tracked, changes: readonly Change[], isCopied: boolean): void {
    this.#copyCuts += 1;
    tracked.copyCut = this.#copyCuts;
    const position = String(this.#copyCuts);
    const cut = { position, sequence: BigInt(this.#at), committedAtMs: 0, transactions: 0 };
    this.#copied.push(blockOf({ changes, cut, isCopied, checkpointWanted: true }));
    this.#copiesGrown.notify();
  }

  /** The ends of copies that the target holds up to where the stream is. */
  #finished(): Change[] {
    const position = asPosition(String(this.#at));
    return [...this.#tables.values()].flatMap((tracked): Change[] => {
      const { relation, copyCut } = tracked;
      if (copyCut === undefined || copyCut > this.#copiesConfirmed) return [];
      tracked.copyCut = undefined;
      return [
        { event: { kind: "copy-finished", relation, position } },
        { event: { kind: "revealed", relation } },
      ];
    });
  }

  #block(changes: readonly Change[], { committedAtMs = 0, transactions = 0 } = {}): Block {
    const position = String(this.#at);
    const cut = { position, sequence: BigInt(this.#at), committedAtMs, transactions };
    return blockOf({ changes, cut, checkpointWanted: changes.length === 0 });
  }
}

/** Keys do not change, so that an update sends the new row alone. */
function changeOf(relation: Relation, logged: Exclude<SourceChange, { kind: "create" }>): Change {
  const { kind, id } = logged;
  if (kind === "delete") return { kind, relation, before: [id, null] };
  return { kind, relation, after: [id, logged.body] };
}
