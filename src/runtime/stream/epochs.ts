import { CodedError, messageOf } from "../../base/errors.ts";
import { SerialQueue } from "../../base/serial-queue.ts";
import type { RuntimeCatalog } from "../../catalog/catalog.ts";

/**
 * How many numbers are reserved at a time. The block is small because each start of the service reserves one, and the
 * catalog's counter must not get far ahead of the time in ms, which is the start value in a new catalog.
 */
const blockSize = 1_000;

/**
 * Numbers the openings of destination databases. The numbers are reserved in the catalog a block at a time, so that
 * streams can be opened again while the catalog is unavailable.
 */
export class Epochs {
  readonly #catalog: Pick<RuntimeCatalog, "reserveEpochs">;
  readonly #queue = new SerialQueue();
  #next = 0;
  #end = 0;

  constructor(catalog: Pick<RuntimeCatalog, "reserveEpochs">) {
    this.#catalog = catalog;
  }

  /** Returns a number greater than all previous ones. Throws `CodedError` CATALOG_FAILED. */
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
