import { SerialQueue } from "../../base/serial-queue.ts";
import type { Warehouse, WarehouseDatabase } from "../../target/target.ts";
import { destinationName, type NameRequest, type NamesInUse } from "./stream-name.ts";

/**
 * Gives each stream of one warehouse its own destination database. Between the choice of a name and the creation of the
 * database, the name is promised to the stream.
 */
export class DestinationNames {
  readonly #warehouse: Pick<Warehouse, "databases" | "isReserved">;
  readonly #promised = new Set<string>();
  readonly #queue = new SerialQueue();

  constructor(warehouse: Pick<Warehouse, "databases" | "isReserved">) {
    this.#warehouse = warehouse;
  }

  /**
   * Chooses the database of a stream that does not run, and promises it to the stream. Choices are made one at a time:
   * each knows the promises of those before it.
   */
  promise(request: NameRequest, signal: AbortSignal): Promise<string> {
    return this.#queue.run(async () => {
      signal.throwIfAborted();
      // Copied before asking: a name that is given back meanwhile may be of a database that the answer lacks.
      const promised = new Set(this.#promised);
      const databases = await this.#warehouse.databases(signal);
      const name = destinationName(request, this.#inUse(databases, promised));
      this.#promised.add(name);
      return name;
    });
  }

  /** The stream has stopped: either its database exists, or it no longer needs one. */
  giveBack(name: string): void {
    this.#promised.delete(name);
  }

  /** Whether a running stream, to which `name` is promised, would get the same name again. */
  isStill(name: string, request: NameRequest, databases: readonly WarehouseDatabase[]): boolean {
    const promised = new Set(this.#promised);
    promised.delete(name);
    return destinationName(request, this.#inUse(databases, promised)) === name;
  }

  #inUse(databases: readonly WarehouseDatabase[], promised: ReadonlySet<string>): NamesInUse {
    return { databases, promised, isReserved: (name) => this.#warehouse.isReserved(name) };
  }
}
