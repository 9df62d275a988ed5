import { inScope, type Scope } from "../../../model/data-filter.ts";
import type { CatalogTable } from "./catalog-table.ts";

/**
 * The tables that a scope selects. A partition belongs to the topmost selected table of its tree: it is selected on its
 * own only if none above it is.
 */
export function selectTables(
  tables: ReadonlyMap<number, CatalogTable>,
  scope: Scope,
  database: string,
): ReadonlyMap<number, CatalogTable> {
  const isNamed = (table: CatalogTable): boolean =>
    inScope(scope, database, { schema: table.schema, table: table.name });
  const named = new Map([...tables].filter(([, table]) => isNamed(table)));
  return new Map([...named].filter(([, table]) => !table.ancestors.some((oid) => named.has(oid))));
}
