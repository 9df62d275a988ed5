import { CodedError } from "../../src/base/errors.ts";
import { isPostgresVersion, TestPostgres, type PostgresVersion } from "../support/postgres.ts";
import {
  batchesOf,
  fatal,
  hostileSettings,
  makeHostileUser,
  replicateUnder,
  type HostileSetting,
} from "./hostile-settings.ts";

/** Settings of one database at a time; a batch that fails is halved until the culprits stand alone. */
const batchSize = 60;

interface Culprit {
  readonly settings: readonly HostileSetting[];
  readonly failure: Error;
}

const versions = process.argv.slice(2).map(Number);
for (const version of versions.length > 0 ? versions : [14, 15, 16, 17, 18]) {
  if (!isPostgresVersion(version)) throw new Error(`no server of version ${version} is installed`);
  await runVersion(version);
}

async function runVersion(version: PostgresVersion): Promise<void> {
  await using server = await TestPostgres.start({ version, settings: { fsync: "off" } });
  await makeHostileUser(server);
  const settings = await hostileSettings(server);
  const culprits: Culprit[] = [];
  let refused = 0;
  const alone = settings.filter(({ name }) => fatal.has(name)).map((setting) => [setting]);
  const together = settings.filter(({ name }) => !fatal.has(name));
  for (const batch of [...batchesOf(together, batchSize), ...alone]) {
    const found = await runBatch(server, batch);
    refused += found.refused;
    culprits.push(...found.culprits);
  }
  const names = new Set(settings.map(({ name }) => name));
  say(
    `PostgreSQL ${version}: ${names.size} settings, ${settings.length} values, ${refused} refused by ALTER ROLE, ` +
      `${culprits.length} not replicated`,
  );
  for (const { settings: of, failure } of culprits) {
    const code = failure instanceof CodedError ? failure.code : "UNCLEAR";
    say(`  ${of.map(({ name, value }) => `${name} = '${value}'`).join(", ")}: ${code} ${failure.message}`);
    if (!(failure instanceof CodedError)) process.exitCode = 1;
  }
}

async function runBatch(
  server: TestPostgres,
  batch: readonly HostileSetting[],
): Promise<{ refused: number; culprits: readonly Culprit[] }> {
  const { refused, failure } = await replicateUnder(server, batch);
  if (failure === undefined) return { refused, culprits: [] };
  if (batch.length === 1) return { refused, culprits: [{ settings: batch, failure }] };
  const middle = batch.length >> 1;
  const halves = [
    await runBatch(server, batch.slice(0, middle)),
    await runBatch(server, batch.slice(middle)),
  ];
  const culprits = halves.flatMap((half) => half.culprits);
  // Settings that hurt only together.
  return { refused, culprits: culprits.length > 0 ? culprits : [{ settings: batch, failure }] };
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
