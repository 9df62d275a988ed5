import type { CopyMeasure } from "../../source.ts";
import { bytesOf, pieceCountOf, type CopyJob } from "./copy-plan.ts";
import type { PieceSet } from "./copy-progress.ts";

interface Reading {
  readonly atMs: number;
  /** The pieces that have been read. */
  readonly done: PieceSet;
  /** How many had been read before. */
  readonly before: number;
}

/** How far tables of several pieces have been read. */
export class CopyMeasures {
  readonly #reading = new Map<CopyJob, Reading>();

  /** From now on, pieces of the table are read, which will be added to `done`. */
  started(job: CopyJob, done: PieceSet): void {
    if (pieceCountOf(job) > 1) this.#reading.set(job, { atMs: performance.now(), done, before: done.size });
  }

  ended(job: CopyJob): void {
    this.#reading.delete(job);
  }

  /** No table is read any longer. */
  clear(): void {
    this.#reading.clear();
  }

  /** See `SourceMeasures.copies`. */
  measures(): ReadonlyMap<string, CopyMeasure> {
    return new Map(
      [...this.#reading].map(([job, reading]) => [job.shape.relation.id, measure(job, reading)]),
    );
  }
}

function measure(job: CopyJob, { atMs, done, before }: Reading): CopyMeasure {
  const bytes = bytesOf(job);
  const bytesPerPiece = bytes / pieceCountOf(job);
  const bytesHere = (done.size - before) * bytesPerPiece;
  return {
    bytes,
    bytesRead: Math.round(done.size * bytesPerPiece),
    bytesPerSecond: bytesHere === 0 ? undefined : (bytesHere * 1000) / (performance.now() - atMs),
  };
}
