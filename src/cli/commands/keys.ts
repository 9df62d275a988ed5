import { readPolicyDocument } from "../../config/policy-settings.ts";
import type { NewKeyAnswer } from "../../model/operator.ts";
import { clientOf, type CommandContext } from "../context.ts";
import { aligned, counted } from "../text.ts";

export interface KeysFlags {
  readonly json?: boolean | undefined;
  readonly policy?: string | undefined;
}

/** `zeroetl keys create`: the secret is shown only this once. */
export async function createKey(context: CommandContext, user: string, flags: KeysFlags): Promise<number> {
  const policy = flags.policy === undefined ? undefined : await readPolicyDocument(flags.policy);
  const client = await clientOf(context);
  const key = await client.ask("create-key", { user, policy }, context.signal);
  await printNewKey(context, key, flags);
  return 0;
}

/** `zeroetl keys rotate`. */
export async function rotateKey(context: CommandContext, id: string, flags: KeysFlags): Promise<number> {
  const client = await clientOf(context);
  const key = await client.ask("rotate-key", { id }, context.signal);
  await printNewKey(context, key, flags);
  if (flags.json !== true)
    await context.terminal.print(`${id} still works: disable it once nothing uses it any more.`);
  return 0;
}

/** The lines can be used unchanged in a shell or in a file of secrets. */
async function printNewKey({ terminal }: CommandContext, key: NewKeyAnswer, flags: KeysFlags): Promise<void> {
  if (flags.json === true) return terminal.print(JSON.stringify(key));
  await terminal.print(`AWS_ACCESS_KEY_ID=${key.id}`);
  await terminal.print(`AWS_SECRET_ACCESS_KEY=${key.secret}`);
}

/** `zeroetl keys list`. */
export async function listKeys(context: CommandContext, flags: KeysFlags): Promise<number> {
  const { terminal, signal } = context;
  const client = await clientOf(context);
  const { keys } = await client.ask("list-keys", {}, signal);
  if (flags.json === true) {
    await terminal.print(JSON.stringify(keys));
    return 0;
  }
  const rows = keys.map((key) => [
    key.id,
    key.user,
    key.isEnabled ? "enabled" : "disabled",
    key.hasPolicy ? "by its policy" : "everything",
    key.createdAt?.slice(0, 10) ?? "configured",
  ]);
  const [head = "", ...lines] = aligned([["access key", "user", "state", "may do", "made"], ...rows]);
  await terminal.print(terminal.bold(head));
  for (const line of lines) await terminal.print(line);
  await terminal.print(`(${counted(keys.length, "key")})`);
  return 0;
}

/** `zeroetl keys disable`, `enable` and `delete`: print nothing on success. */
export async function changeKey(
  context: CommandContext,
  change: "disable" | "enable" | "delete",
  id: string,
): Promise<number> {
  const client = await clientOf(context);
  await client.ask(`${change}-key`, { id }, context.signal);
  return 0;
}
