import type { PGlite } from "@electric-sql/pglite";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { account, region, sourceArn, targets, TestService } from "../../test/support/aws-service.ts";
import { IntegrationModel, type ModelIntegration } from "../../test/support/integration-model.ts";
import { queryCall } from "../../test/support/query-call.ts";
import { printedSeed } from "../../test/support/random.ts";
import { present } from "../base/assert.ts";
import type * as Embedded from "../catalog/store/embedded.ts";
import type { IntegrationStatus } from "../model/integration.ts";

const sequences = 5_000;
/** One short of the smallest page, so that the first page ends among what a sequence creates. */
const elders = 19;
const quotas = { perAccount: elders + 5, perTarget: 3, perSource: 2 } as const;

const embedded = vi.hoisted(() => ({ database: undefined as PGlite | undefined }));

// The real one, which the test keeps a hand on: rows are deleted in a moment, a new catalog takes seconds.
vi.mock("../catalog/store/embedded.ts", async (original) => {
  const real = await original<typeof Embedded>();
  return {
    ...real,
    openEmbedded: async (directory: string) => (embedded.database = await real.openEmbedded(directory)),
  };
});

let service: TestService;
let clock = new Date();

beforeAll(async () => {
  service = await TestService.start({ quotas, now: () => clock });
  await sql("SET synchronous_commit = off");
  await sql(`INSERT INTO zeroetl.integrations
      (id, name, name_key, source_arn, target_arn, data_filter, kms_key_id, encryption_context, created_at, wanted,
       generation, status, errors)
    SELECT '00000000-0000-4000-8000-0000000000' || n, 'elder-' || n, 'elder-' || n, 'elder-source-' || n,
      'elder-target', 'include: a.b.c', 'key', '{}', '2026-01-01T00:00:00Z', 'present', 1, 'active', '[]'
    FROM generate_series(11, ${10 + elders}) AS n`);
});

afterAll(async () => {
  await service[Symbol.asyncDispose]();
});

async function sql(text: string): Promise<void> {
  await present(embedded.database, "the catalog was opened").exec(text);
}

const elderIntegrations: readonly ModelIntegration[] = Array.from({ length: elders }, (_, index) => ({
  id: `00000000-0000-4000-8000-0000000000${11 + index}`,
  name: `elder-${11 + index}`,
  source: `elder-source-${11 + index}`,
  target: "elder-target",
  filter: "include: a.b.c",
  description: undefined,
  status: "active",
  errors: [],
  generation: 1,
  tags: new Map(),
  createdAt: new Date("2026-01-01T00:00:00Z"),
}));

/** Which of those that a sequence has created, gone or not, or a stranger; and what it is called by. */
interface Whom {
  readonly whom: number;
  readonly by: "uuid" | "UUID" | "ARN" | "name" | "NAME";
}

type Action =
  | {
      readonly kind: "create";
      readonly name: string;
      readonly source: string;
      readonly target: number;
      readonly filter: string | undefined;
      readonly tags: readonly string[];
    }
  | ({ readonly kind: "describe" | "delete" } & Whom)
  | ({
      readonly kind: "modify";
      readonly name: string | undefined;
      readonly filter: string | undefined;
      readonly description: string | undefined;
    } & Whom)
  | { readonly kind: "list"; readonly filter: "status" | "source-arn" | "none"; readonly value: string }
  | {
      readonly kind: "tag" | "untag";
      readonly whom: number;
      readonly keys: readonly string[];
      readonly value: string;
    }
  | {
      readonly kind: "report";
      readonly whom: number;
      readonly status: IntegrationStatus;
      readonly hasErrors: boolean;
      readonly isOld: boolean;
    }
  | { readonly kind: "forget"; readonly whom: number }
  | { readonly kind: "tick"; readonly ms: number };

// Mostly the first ones, of which there are most.
const whom = fc.constantFrom(0, 0, 0, 0, 1, 1, 2, 3);
const by = fc.constantFrom("uuid", "UUID", "ARN", "name", "NAME");
const name = fc.constantFrom("a", "A", "b", "c-1", "d", "elder-11");
const source = fc.constantFrom("shop", "shop", "shop", "source-0", "books");
const filter = fc.constantFrom(
  "include: shop.*.*",
  "include: shop.public.*",
  "exclude: a.b.c",
  "include: a.*",
);
const maybe = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
  fc.option(value, { nil: undefined });
const numbered = (from: number, count: number): string[] =>
  Array.from({ length: count }, (_, index) => `k${from + index}`);
// Two of the long lists together are 50 tags, or one too many.
const keys = fc.oneof(
  { weight: 1, arbitrary: fc.subarray(["k1", "K1", "k2", "z"]) },
  { weight: 2, arbitrary: fc.constantFrom(numbered(0, 30), numbered(30, 20), numbered(30, 21)) },
);
const status = fc.constantFrom(
  "active",
  "active",
  "active",
  "syncing",
  "needs_attention",
  "failed",
  "creating",
);

const create: fc.Arbitrary<Action> = fc.record({
  kind: fc.constant("create"),
  name,
  source,
  target: fc.nat(2),
  filter: fc.oneof({ weight: 4, arbitrary: fc.constant("include: shop.*.*") }, maybe(filter)),
  tags: fc.oneof({ weight: 5, arbitrary: fc.subarray(["k1", "k2"]) }, fc.constant(numbered(0, 30))),
});

const action: fc.Arbitrary<Action> = fc.oneof(
  { weight: 5, arbitrary: create },
  { weight: 4, arbitrary: reportAction() },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant("modify"),
      whom,
      by,
      name: maybe(name),
      filter: maybe(filter),
      description: maybe(fc.constantFrom("", "words")),
    }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constantFrom("describe", "delete", "delete"), whom, by }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("forget"), whom }) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant("list"),
      filter: fc.constantFrom("status", "source-arn", "none"),
      value: fc.oneof(status, source.map(sourceArn), fc.constant("deleting")),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constantFrom("tag", "tag", "tag", "untag"),
      whom,
      keys,
      value: fc.constantFrom("", "v"),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("tick"), ms: fc.nat(1_000) }) },
);

function reportAction() {
  return fc.record({
    kind: fc.constant("report"),
    whom,
    status: status as fc.Arbitrary<IntegrationStatus>,
    hasErrors: fc.boolean(),
    isOld: fc.constantFrom(false, false, false, true),
  });
}

const active: Action = { kind: "report", whom: 0, status: "active", hasErrors: false, isOld: false };
/** What follows the first create: mostly what lets anything else be granted. */
const second = fc.oneof({ weight: 3, arbitrary: fc.constant(active) }, { weight: 1, arbitrary: action });

/** How often an action was answered in each way. */
const met = new Map<string, number>();

/** Without these the sequences would say little. */
const mustBeMet = [
  "CreateIntegration: granted",
  "CreateIntegration: IntegrationAlreadyExistsFault",
  "CreateIntegration: IntegrationConflictOperationFault",
  "ModifyIntegration: granted",
  "ModifyIntegration: IntegrationConflictOperationFault",
  "ModifyIntegration: InvalidIntegrationStateFault",
  "DeleteIntegration: granted",
  "DeleteIntegration: InvalidIntegrationStateFault",
  "AddTagsToResource: granted",
  "AddTagsToResource: InvalidParameterValue",
  "RemoveTagsFromResource: granted",
];

interface Answer {
  /** Undefined for one that is granted. */
  readonly code: string | undefined;
  readonly integrations: readonly Shown[];
  readonly marker: string | undefined;
  readonly tags: Shown["tags"];
}

/** An integration in the words of both sides. */
interface Shown {
  readonly id: string;
  readonly name: string;
  readonly source: string;
  readonly target: string;
  readonly filter: string;
  readonly description: string | undefined;
  readonly status: string;
  readonly tags: readonly (readonly [string, string])[];
  readonly errors: readonly string[];
  readonly createdAt: string;
}

function shown(integration: ModelIntegration): Shown {
  const { generation: _, ...rest } = integration;
  const tags = [...integration.tags].toSorted(([a], [b]) => (a < b ? -1 : 1));
  return { ...rest, tags, createdAt: integration.createdAt.toISOString() };
}

type Element = Readonly<Record<string, unknown>>;

const text = (value: unknown): string => (typeof value === "string" ? value : "");

function members(list: unknown, member: string): Element[] {
  const found = (list as Element | "" | undefined) || {};
  return [found[member] ?? []].flat() as Element[];
}

function shownXml(xml: Element): Shown {
  return {
    id: text(xml["IntegrationArn"]).split(":").at(-1) ?? "",
    name: text(xml["IntegrationName"]),
    source: text(xml["SourceArn"]),
    target: text(xml["TargetArn"]),
    filter: text(xml["DataFilter"]),
    description: xml["Description"] === undefined ? undefined : text(xml["Description"]),
    status: text(xml["Status"]),
    tags: tagsOf(xml["Tags"]),
    errors: members(xml["Errors"], "IntegrationError").map(({ ErrorCode }) => text(ErrorCode)),
    createdAt: text(xml["CreateTime"]),
  };
}

function tagsOf(list: unknown): Shown["tags"] {
  return members(list, "Tag").map(({ Key, Value }) => [text(Key), text(Value)] as const);
}

async function call(name: string, given: Readonly<Record<string, string | undefined>>): Promise<Answer> {
  const parameters = Object.fromEntries(
    Object.entries(given).flatMap(([key, value]) => (value === undefined ? [] : [[key, value]])),
  );
  const at = { service: "rds", version: "2014-10-31", action: name, parameters };
  const { status: http, xml } = await queryCall(service, at);
  const root = xml as Record<string, Element>;
  const error = root["ErrorResponse"]?.["Error"] as Element | undefined;
  const what = `${name}: ${http === 200 ? "granted" : text(error?.["Code"])}`;
  met.set(what, (met.get(what) ?? 0) + 1);
  if (http !== 200) return { code: text(error?.["Code"]), integrations: [], marker: undefined, tags: [] };
  const result = ((root[`${name}Response`] ?? {})[`${name}Result`] || {}) as Element;
  const list = "IntegrationArn" in result ? [result] : members(result["Integrations"], "Integration");
  const marker = result["Marker"] === undefined ? undefined : text(result["Marker"]);
  return { code: undefined, integrations: list.map(shownXml), marker, tags: tagsOf(result["TagList"]) };
}

/** All pages of 20. */
async function list(parameters: Readonly<Record<string, string>>): Promise<Shown[]> {
  const found: Shown[] = [];
  let marker: string | undefined;
  do {
    const page = await call("DescribeIntegrations", { ...parameters, MaxRecords: "20", Marker: marker });
    expect(page.code).toBeUndefined();
    expect(page.integrations.length === 20 || page.marker === undefined).toBe(true);
    found.push(...page.integrations);
    marker = page.marker;
  } while (marker !== undefined);
  return found;
}

/** Lists that are sent as `Tags.Tag.1.Key`. */
function numberedParameters(prefix: string, values: readonly string[], suffix = ""): Record<string, string> {
  return Object.fromEntries(values.map((value, index) => [`${prefix}.${index + 1}${suffix}`, value]));
}

const arnOf = (id: string): string => `arn:aws:rds:${region}:${account}:integration:${id}`;

/** Plays one sequence on both sides. */
class Play {
  readonly #model = new IntegrationModel(quotas, elderIntegrations);
  readonly #made: { readonly id: string; readonly name: string }[] = [];

  async run(step: Action): Promise<void> {
    switch (step.kind) {
      case "create":
        return this.#create(step);
      case "describe":
        return this.#describe(step);
      case "modify":
        return this.#modify(step);
      case "delete":
        return this.#delete(step);
      case "list":
        return this.#list(step);
      case "tag":
        return this.#tag(step);
      case "untag":
        return this.#untag(step);
      case "report":
        return this.#report(step);
      case "forget": {
        const { id } = this.#whom(step.whom);
        await service.catalog.forget(id);
        this.#model.forget(id);
        return;
      }
      case "tick":
        clock = new Date(clock.getTime() + step.ms);
    }
  }

  /** Everything that is there, and nothing else, in the order of creation. */
  async compare(): Promise<void> {
    expect(await list({})).toEqual(this.#model.integrations.map(shown));
  }

  #whom(number: number): { readonly id: string; readonly name: string } {
    return this.#made[number] ?? { id: "99999999-0000-4000-8000-000000000000", name: "nobody" };
  }

  #identifier({ whom: number, by: form }: Whom): string {
    const { id, name: called } = this.#whom(number);
    const forms = {
      uuid: id,
      UUID: id.toUpperCase(),
      ARN: arnOf(id),
      name: called,
      NAME: called.toUpperCase(),
    };
    return forms[form];
  }

  /** The same refusal, or the integration as it is now. */
  #expectSame(answer: Answer, refused: string | undefined, now: ModelIntegration | undefined): void {
    expect(answer.code).toBe(refused);
    if (refused === undefined) expect(answer.integrations).toEqual([shown(present(now, "it is there"))]);
  }

  async #create({ name: wanted, source: from, target, filter: text, tags }: Action & { kind: "create" }) {
    const desired = {
      name: wanted,
      source: sourceArn(from),
      target: targets[target]?.arn ?? "",
      filter: text,
      tags,
    };
    const answer = await call("CreateIntegration", {
      IntegrationName: desired.name,
      SourceArn: desired.source,
      TargetArn: desired.target,
      DataFilter: text,
      ...numberedParameters("Tags.Tag", tags, ".Key"),
      ...numberedParameters(
        "Tags.Tag",
        tags.map(() => "created"),
        ".Value",
      ),
    });
    const id = answer.integrations[0]?.id ?? "";
    const refused = this.#model.create(desired, { id, createdAt: clock });
    this.#expectSame(answer, refused, this.#model.find(id));
    if (refused === undefined) this.#made.push({ id, name: wanted });
  }

  async #describe(step: Whom): Promise<void> {
    const IntegrationIdentifier = this.#identifier(step);
    const found = this.#model.find(IntegrationIdentifier);
    const answer = await call("DescribeIntegrations", { IntegrationIdentifier });
    this.#expectSame(answer, found === undefined ? "IntegrationNotFoundFault" : undefined, found);
  }

  async #modify(step: Action & { kind: "modify" }): Promise<void> {
    const IntegrationIdentifier = this.#identifier(step);
    const { name: IntegrationName, filter: DataFilter, description: Description } = step;
    const integration = this.#model.find(IntegrationIdentifier);
    const change = { IntegrationIdentifier, IntegrationName, DataFilter, Description };
    const answer = await call("ModifyIntegration", change);
    this.#expectSame(answer, this.#model.modify(IntegrationIdentifier, step), integration);
  }

  async #delete(step: Whom): Promise<void> {
    const IntegrationIdentifier = this.#identifier(step);
    const integration = this.#model.find(IntegrationIdentifier);
    const answer = await call("DeleteIntegration", { IntegrationIdentifier });
    this.#expectSame(answer, this.#model.delete(IntegrationIdentifier), integration);
  }

  async #list({ filter: by, value }: Action & { kind: "list" }): Promise<void> {
    const wanted = this.#model.integrations.filter((integration) => {
      if (by === "none") return true;
      return (by === "status" ? integration.status : integration.source) === value;
    });
    const given = { "Filters.Filter.1.Name": by, "Filters.Filter.1.Values.Value.1": value };
    expect(await list(by === "none" ? {} : given)).toEqual(wanted.map(shown));
  }

  async #tag({ whom: number, keys: given, value }: Action & { kind: "tag" | "untag" }): Promise<void> {
    const ResourceName = arnOf(this.#whom(number).id);
    // Without any tag the parameter is there all the same, as SDKs send it.
    const none = given.length === 0 ? { Tags: "" } : {};
    const answer = await call("AddTagsToResource", {
      ResourceName,
      ...none,
      ...numberedParameters("Tags.Tag", given, ".Key"),
      ...numberedParameters(
        "Tags.Tag",
        given.map(() => value),
        ".Value",
      ),
    });
    expect(answer.code).toBe(this.#model.tag(ResourceName, given, value));
    await this.#expectTags(ResourceName);
  }

  async #untag({ whom: number, keys: given }: Action & { kind: "tag" | "untag" }): Promise<void> {
    const ResourceName = arnOf(this.#whom(number).id);
    const none = given.length === 0 ? { TagKeys: "" } : {};
    const parameters = { ResourceName, ...none, ...numberedParameters("TagKeys.member", given) };
    const answer = await call("RemoveTagsFromResource", parameters);
    expect(answer.code).toBe(this.#model.untag(ResourceName, given));
    await this.#expectTags(ResourceName);
  }

  async #expectTags(ResourceName: string): Promise<void> {
    const found = this.#model.find(ResourceName);
    const { code, tags } = await call("ListTagsForResource", { ResourceName });
    expect(code).toBe(found === undefined ? "IntegrationNotFoundFault" : undefined);
    expect(tags).toEqual(found === undefined ? [] : shown(found).tags);
  }

  async #report({
    whom: number,
    status: next,
    hasErrors,
    isOld,
  }: Action & { kind: "report" }): Promise<void> {
    const { id } = this.#whom(number);
    const generation = (this.#model.find(id)?.generation ?? 1) - Number(isOld);
    const codes = hasErrors ? ["TABLE_WITHOUT_KEY"] : [];
    const errors = codes.map((code) => ({ code, message: "a table has no key" }));
    await service.catalog.report(id, { generation, status: next, errors, tables: [] });
    this.#model.report(id, { generation, status: next, errors: codes });
  }
}

test(`${sequences.toLocaleString("en")} random sequences of actions do what a small model says`, async () => {
  let played = 0;
  await fc.assert(
    fc.asyncProperty(create, second, fc.array(action, { maxLength: 5 }), async (first, then, actions) => {
      clock = new Date();
      await sql(`DELETE FROM zeroetl.integrations WHERE ordinal > ${elders}; DELETE FROM zeroetl.events`);
      // The catalog reads again after a write of its own, even one that changes nothing.
      await service.catalog.forget("nothing");
      // Nothing else in an embedded catalog clears away what is deleted all the time here.
      if (played % 200 === 199) await sql("VACUUM");
      played += 1;
      const play = new Play();
      for (const step of [first, then, ...actions]) await play.run(step);
      await play.compare();
    }),
    { numRuns: sequences, seed: printedSeed() },
  );
  expect(played).toBeGreaterThanOrEqual(sequences);
  process.stdout.write(`${JSON.stringify(Object.fromEntries(met))}\n`);
  expect(mustBeMet.filter((what) => !met.has(what))).toEqual([]);
}, 600_000);
