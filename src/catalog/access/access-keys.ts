import type { Selectable } from "kysely";
import type { CatalogDatabase } from "../store/database.ts";
import type { AccessKeysTable } from "../store/schema.ts";

/** An access key as the catalog stores it. */
export interface StoredKey {
  readonly id: string;
  readonly user: string;
  /** Encrypted; bound to the id. */
  readonly sealedSecret: string;
  /** The JSON text of its policy document, if it has one. */
  readonly policy: string | undefined;
  readonly isEnabled: boolean;
  readonly createdAt: Date;
}

/** The access keys that were created at run time. The catalog's users decide what they mean. */
export class StoredKeys {
  readonly #db: CatalogDatabase;

  constructor(db: CatalogDatabase) {
    this.#db = db;
  }

  async add(key: StoredKey): Promise<void> {
    await this.#db
      .insertInto("access_keys")
      .values({
        id: key.id,
        user_name: key.user,
        sealed_secret: key.sealedSecret,
        policy: key.policy ?? null,
        is_enabled: key.isEnabled,
        created_at: key.createdAt,
      })
      .execute();
  }

  async find(id: string): Promise<StoredKey | undefined> {
    const row = await this.#db.selectFrom("access_keys").selectAll().where("id", "=", id).executeTakeFirst();
    return row === undefined ? undefined : keyOf(row);
  }

  /** In the order of creation. */
  async list(): Promise<StoredKey[]> {
    const rows = await this.#db
      .selectFrom("access_keys")
      .selectAll()
      .orderBy("created_at")
      .orderBy("id")
      .execute();
    return rows.map(keyOf);
  }

  /** False when the key does not exist. */
  async setEnabled(id: string, isEnabled: boolean): Promise<boolean> {
    const { numUpdatedRows } = await this.#db
      .updateTable("access_keys")
      .set({ is_enabled: isEnabled })
      .where("id", "=", id)
      .executeTakeFirst();
    return numUpdatedRows > 0n;
  }

  /** False when the key does not exist. */
  async remove(id: string): Promise<boolean> {
    const { numDeletedRows } = await this.#db
      .deleteFrom("access_keys")
      .where("id", "=", id)
      .executeTakeFirst();
    return numDeletedRows > 0n;
  }
}

function keyOf(row: Selectable<AccessKeysTable>): StoredKey {
  return {
    id: row.id,
    user: row.user_name,
    sealedSecret: row.sealed_secret,
    policy: row.policy ?? undefined,
    isEnabled: row.is_enabled,
    createdAt: row.created_at,
  };
}
