import { sql } from "kysely";
import { messageOf } from "../../base/errors.ts";
import { logger } from "../../base/log.ts";
import { parseNamespacePolicy } from "../../model/policy/namespace-policy.ts";
import type { Policy } from "../../model/policy/policy.ts";
import { Cached } from "../store/cached.ts";
import type { CatalogDatabase } from "../store/database.ts";

/** The policy of a namespace. */
export interface ResourcePolicy {
  /** The text exactly as it was put. */
  readonly text: string;
  readonly policy: Policy;
}

const log = logger("catalog");

/** The policies of namespaces, at most one each, by the namespace's canonical ARN. */
export class ResourcePolicies {
  readonly #db: CatalogDatabase;
  readonly #onChange: () => void;
  readonly #all = new Cached(() => this.#read());

  /** `onChange` is called after a policy is put or removed through this object. */
  constructor(db: CatalogDatabase, onChange: () => void) {
    this.#db = db;
    this.#onChange = onChange;
  }

  async find(arn: string): Promise<ResourcePolicy | undefined> {
    return (await this.#all.get()).get(arn);
  }

  /** All of them, by ARN. */
  all(): Promise<ReadonlyMap<string, ResourcePolicy>> {
    return this.#all.get();
  }

  /** Replaces the whole previous policy. `text`: must be valid for `parseNamespacePolicy`. */
  async put(arn: string, text: string): Promise<"put" | "conflict"> {
    return this.#change(arn, async (tx) => {
      await tx
        .insertInto("resource_policies")
        .values({ resource_arn: arn, policy: text })
        .onConflict((conflict) => conflict.column("resource_arn").doUpdateSet({ policy: text }))
        .execute();
      return "put";
    });
  }

  async remove(arn: string): Promise<"removed" | "unknown" | "conflict"> {
    return this.#change(arn, async (tx) => {
      const { numDeletedRows } = await tx
        .deleteFrom("resource_policies")
        .where("resource_arn", "=", arn)
        .executeTakeFirst();
      return numDeletedRows > 0n ? "removed" : "unknown";
    });
  }

  /** `conflict`: another caller is changing this policy right now, without knowledge of this change. */
  async #change<T extends string>(
    arn: string,
    work: (tx: CatalogDatabase) => Promise<T>,
  ): Promise<T | "conflict"> {
    const result = await this.#all.changing(() =>
      this.#db.transaction().execute(async (tx) => {
        const { rows } = await sql<{ locked: boolean }>`
          SELECT pg_try_advisory_xact_lock(hashtext('zeroetl.resource_policies'), hashtext(${arn})) AS locked
        `.execute(tx);
        return rows[0]?.locked === true ? work(tx) : ("conflict" as const);
      }),
    );
    if (result !== "conflict") this.#onChange();
    return result;
  }

  async #read(): Promise<ReadonlyMap<string, ResourcePolicy>> {
    const rows = await this.#db.selectFrom("resource_policies").selectAll().execute();
    return new Map(
      rows.map(({ resource_arn: arn, policy: text }) => [arn, { text, policy: parseOrNothing(arn, text) }]),
    );
  }
}

/** A text that cannot be parsed, such as one from a newer version, allows nothing. */
function parseOrNothing(arn: string, text: string): Policy {
  try {
    return parseNamespacePolicy(JSON.parse(text), arn);
  } catch (error) {
    log.error(
      { resource: arn, reason: messageOf(error) },
      "A resource policy in the catalog cannot be understood",
    );
    return { statements: [] };
  }
}
