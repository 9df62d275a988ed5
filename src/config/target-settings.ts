import { createHash } from "node:crypto";
import { z } from "zod";
import { SecretSettings } from "../base/secret.ts";
import { uuidForm } from "../base/uuid.ts";
import type { TargetResource } from "../model/resources.ts";
import { setting } from "../model/setting.ts";

/**
 * The settings that only targets of an engine have, by the engine's name. None of them is named like a setting that
 * every target has.
 */
export type EngineSettings = Readonly<Record<string, z.ZodObject>>;

const user = z.strictObject({
  name: setting(z.string().min(1).max(128), "Who logs in at `listen.sql`.", "a name of 1 to 128 characters"),
  password: setting(
    z.string().min(1).max(256),
    "With which password.",
    "a text of 1 to 256 characters (in quotes where it is all digits)",
  ),
});

const name = setting(
  z
    .string()
    .regex(/^[A-Za-z](?:-?[A-Za-z0-9])*$/)
    .max(63),
  "What the warehouse is called here.",
  "at most 63 letters, digits and single hyphens, beginning with a letter",
);

const namespaceId = setting(
  z.string().regex(uuidForm),
  "The last part of the target's ARN. Default: a uuid (version 5) of the name.",
  "a uuid, such as 11111111-2222-4333-8444-555555555555",
).optional();

const autoCreateDatabase = setting(
  z.boolean(),
  "Whether the destination database is created automatically. Default true; false, waiting for CREATE DATABASE … FROM INTEGRATION, is not supported yet.",
  "true",
).default(true);

const users = setting(
  z.array(user),
  "Who may log in at `listen.sql`, once the SQL endpoint exists.",
  "a list of users with name and password",
).optional();

type CommonShape = {
  readonly name: typeof name;
  readonly engine: z.ZodLiteral<string>;
  readonly namespace_id: typeof namespaceId;
  readonly auto_create_database: typeof autoCreateDatabase;
  readonly users: typeof users;
};

/** One engine's targets. Its own settings are unknown here, although a file is checked against them. */
type TargetSchema = z.ZodObject<CommonShape, z.core.$loose>;

export type TargetSettings = z.output<TargetSchema>;

/** Every target of a configuration; `engine` decides which settings it has. */
export function targetSchema(engines: EngineSettings) {
  const allowed = `one of ${Object.keys(engines).join(", ")}`;
  const schemas = Object.entries(engines).map(([engine, own]): TargetSchema => {
    const common = {
      name,
      engine: setting(z.literal(engine), "The kind of warehouse.", allowed),
      namespace_id: namespaceId,
      auto_create_database: autoCreateDatabase,
    };
    // In the order in which documentation and messages list them.
    return z.strictObject({ ...common, ...(own.shape as Readonly<Record<string, z.ZodType>>), users });
  });
  return z.discriminatedUnion("engine", schemas as [TargetSchema, ...TargetSchema[]]);
}

export interface ConfiguredTarget {
  readonly resource: TargetResource;
  readonly engine: string;
  /** What the engine's own schema has accepted. */
  readonly settings: SecretSettings;
}

export function interpretTarget(
  target: TargetSettings,
  { region, account }: { readonly region: string; readonly account: string },
): ConfiguredTarget {
  const {
    name: targetName,
    engine,
    namespace_id: _id,
    auto_create_database: _auto,
    users: _users,
    ...own
  } = target;
  const id = namespaceIdOf(target).toLowerCase();
  const arn = `arn:aws:redshift-serverless:${region}:${account}:namespace/${id}`;
  return { resource: { name: targetName, namespaceId: id, arn }, engine, settings: new SecretSettings(own) };
}

/** Our own UUID namespace, for the names of targets. */
const targetNames = "5b1d4b0e-9f38-5d63-8a4e-2f6c0c8d7e11";

/** By default, UUID version 5 (RFC 9562, 5.5) of the target's name. */
export function namespaceIdOf({ name: target, namespace_id: given }: TargetSettings): string {
  if (given !== undefined) return given;
  const hash = createHash("sha1")
    .update(Buffer.from(targetNames.replaceAll("-", ""), "hex"))
    .update(target)
    .digest();
  hash.writeUInt8((hash.readUInt8(6) & 0x0f) | 0x50, 6);
  hash.writeUInt8((hash.readUInt8(8) & 0x3f) | 0x80, 8);
  return hash.toString("hex", 0, 16).replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}
