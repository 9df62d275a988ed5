import type { Integration } from "../../model/integration.ts";
import type { StreamIdentity, Warehouse } from "../../target/target.ts";

/** The tag of an integration that names its destination database. */
const databaseTag = "zeroetl:database";

export interface NameRequest {
  readonly integration: Pick<Integration, "id" | "name" | "sourceArn" | "tags">;
  readonly sourceDatabase: string;
  /** Whether the integration also replicates other databases of its source. */
  readonly isOneOfSeveral: boolean;
  readonly warehouse: Pick<Warehouse, "databaseOf" | "isReserved" | "orphans" | "takenNames">;
  /** Names that streams of the same warehouse have been given and may not have used yet. */
  readonly promised: ReadonlySet<string>;
}

/**
 * The destination database of a stream, by the first of these that exists:
 *
 * 1. its current one: names are given once and kept
 * 2. the one that the integration's tag requests, whatever its contents
 * 3. the one left by an earlier integration that replicated the same database of the same source
 * 4. a new one, named after the source database, else `<integration>_<source database>`, else that with the first free
 *    number from 2 on
 *
 * Names that differ only in case count as one.
 */
export function destinationName(request: NameRequest): string {
  const { integration, sourceDatabase, warehouse } = request;
  const stream: StreamIdentity = { integrationId: integration.id, sourceDatabase };
  return warehouse.databaseOf(stream) ?? chosenName(request) ?? leftName(request) ?? newName(request);
}

/** The name that the integration's tag requests. With several source databases, each gets its own name. */
function chosenName({ integration, sourceDatabase, isOneOfSeveral }: NameRequest): string | undefined {
  const chosen = integration.tags.find(({ key }) => key === databaseTag)?.value;
  if (chosen === undefined || chosen === "") return undefined;
  return isOneOfSeveral ? `${chosen}_${sourceDatabase}` : chosen;
}

function leftName({ integration, sourceDatabase, warehouse, promised }: NameRequest): string | undefined {
  const left = warehouse
    .orphans()
    .filter(
      ({ name, origin }) =>
        origin?.source === integration.sourceArn &&
        origin.sourceDatabase === sourceDatabase &&
        !promised.has(name),
    )
    .map(({ name }) => name);
  return left.find((name) => name === sourceDatabase) ?? left[0];
}

function newName({ integration, sourceDatabase, warehouse, promised }: NameRequest): string {
  const used = new Set([...warehouse.takenNames(), ...promised].map((name) => name.toLowerCase()));
  const isFree = (name: string): boolean => !warehouse.isReserved(name) && !used.has(name.toLowerCase());
  if (isFree(sourceDatabase)) return sourceDatabase;
  const combined = `${integration.name}_${sourceDatabase}`;
  if (isFree(combined)) return combined;
  let number = 2;
  while (!isFree(`${combined}_${number}`)) number += 1;
  return `${combined}_${number}`;
}
