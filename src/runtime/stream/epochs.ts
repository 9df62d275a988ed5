import { CodedError, messageOf } from "../../base/errors.ts";
import { SerialQueue } from "../../base/serial-queue.ts";
import type { RuntimeCatalog } from "../../catalog/catalog.ts";

/**
 * How many are reserved at a time. Small, since each start of the service reserves a block, and the catalog's counter
 * must not get far ahead of the time in ms, at which the counter of a new catalog begins.
 */
const blockSize = 1_000;

/**
 * Numbers the openings of destination databases. The numbers are reserved in the catalog a block at a time, so that
 * streams can be opened again while the catalog is away.
 */
export class Epochs {
  readonly #catalog: Pick<RuntimeCatalog, "reserveEpochs">;
  readonly #queue = new SerialQueue();
  #next = 0;
  #end = 0;

  constructor(catalog: Pick<RuntimeCatalog, "reserveEpochs">) {
    this.#catalog = catalog;
  }

  /** Greater than every number before it. Throws `CodedError` CATALOG_FAILED. */
  next(): Promise<number> {
    return this.#queue.run(async () => {
      if (this.#next === this.#end) {
        this.#next = await this.#reserve();
        this.#end = this.#next + blockSize;
      }
      this.#next += 1;
      return this.#next - 1;
    });
  }

  async #reserve(): Promise<number> {
    try {
      return await this.#catalog.reserveEpochs(blockSize);
    } catch (cause) {
      if (cause instanceof CodedError) throw cause;
      throw new CodedError("CATALOG_FAILED", `The catalog does not answer: ${messageOf(cause)}`, { cause });
    }
  }
}
