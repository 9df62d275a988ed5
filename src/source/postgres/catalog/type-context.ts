import { moneyScaleSql } from "../../../wire/postgres/types/type-query.ts";
import type { CatalogTable } from "./catalog-table.ts";
import type { Session } from "../connection/session.ts";
import { readTypes, type TypeContext } from "./shape.ts";

/** Everything needed to read the columns of these tables. */
export async function readTypeContext(
  session: Session,
  tables: Iterable<Pick<CatalogTable, "columns">>,
): Promise<TypeContext> {
  const oids = [...tables].flatMap(({ columns }) => columns.map(({ typeOid }) => typeOid));
  const types = await readTypes(session, oids);
  const { scale } = await session.row<{ scale: number }>(moneyScaleSql);
  return { types, moneyScale: scale };
}
