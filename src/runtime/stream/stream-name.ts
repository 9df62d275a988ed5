import type { Integration } from "../../model/integration.ts";
import type { Warehouse, WarehouseDatabase } from "../../target/target.ts";

/** The tag of an integration that names its destination database. */
const databaseTag = "zeroetl:database";

export interface NameRequest {
  readonly integration: Pick<Integration, "id" | "name" | "sourceArn" | "tags">;
  readonly sourceDatabase: string;
  /** Whether the integration also replicates other databases of its source. */
  readonly isOneOfSeveral: boolean;
}

/** What is in use in a warehouse. */
export interface NamesInUse {
  readonly databases: readonly WarehouseDatabase[];
  readonly isReserved: Warehouse["isReserved"];
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
export function destinationName(request: NameRequest, inUse: NamesInUse): string {
  return (
    currentName(request, inUse) ?? chosenName(request) ?? leftName(request, inUse) ?? newName(request, inUse)
  );
}

function currentName({ integration, sourceDatabase }: NameRequest, { databases }: NamesInUse) {
  const current = databases.find(
    (database) =>
      database.kind === "owned" &&
      database.stream.integrationId === integration.id &&
      database.stream.sourceDatabase === sourceDatabase,
  );
  return current?.name;
}

/** The name that the integration's tag requests. With several source databases, each gets its own name. */
function chosenName({ integration, sourceDatabase, isOneOfSeveral }: NameRequest): string | undefined {
  const chosen = integration.tags.find(({ key }) => key === databaseTag)?.value;
  if (chosen === undefined || chosen === "") return undefined;
  return isOneOfSeveral ? `${chosen}_${sourceDatabase}` : chosen;
}

function leftName({ integration, sourceDatabase }: NameRequest, { databases, promised }: NamesInUse) {
  const left = databases
    .filter(
      (database) =>
        database.kind === "orphan" &&
        database.origin?.source === integration.sourceArn &&
        database.origin.sourceDatabase === sourceDatabase &&
        !promised.has(database.name),
    )
    .map(({ name }) => name);
  return left.find((name) => name === sourceDatabase) ?? left[0];
}

function newName({ integration, sourceDatabase }: NameRequest, inUse: NamesInUse): string {
  const taken = inUse.databases.filter((database) => database.kind !== "orphan" || !database.isVacant);
  const names = [...taken.map(({ name }) => name), ...inUse.promised];
  const used = new Set(names.map((name) => name.toLowerCase()));
  const isFree = (name: string): boolean => !inUse.isReserved(name) && !used.has(name.toLowerCase());
  if (isFree(sourceDatabase)) return sourceDatabase;
  const combined = `${integration.name}_${sourceDatabase}`;
  if (isFree(combined)) return combined;
  let number = 2;
  while (!isFree(`${combined}_${number}`)) number += 1;
  return `${combined}_${number}`;
}
