import { clientOf, type CommandContext } from "../context.ts";

export interface DropDatabaseFlags {
  readonly target?: string | undefined;
}

/** `zeroetl drop-database`: prints nothing on success. */
export async function dropDatabase(
  context: CommandContext,
  name: string,
  { target }: DropDatabaseFlags,
): Promise<number> {
  const client = await clientOf(context);
  await client.ask("drop-database", { name, target }, context.signal);
  return 0;
}
