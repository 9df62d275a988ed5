import { present } from "../base/assert.ts";
import { CodedError } from "../base/errors.ts";
import type { Configuration } from "../config/config.ts";
import type { SourceResource } from "../model/resources.ts";
import type { SourceUnit } from "../runtime/control/reconciler.ts";
import { sourceEngines } from "../source/engines.ts";

/** Engines and connection strings of the configured sources, by ARN. Refuses those that no engine can use. */
export function sourceUnits({ sources, refuse }: Configuration): ReadonlyMap<string, SourceUnit> {
  const units = sources.map(({ resource, url }, index) => {
    const engine = present(
      sourceEngines.find(({ kinds }) => resource.engine in kinds),
      "the configuration allows no other engines",
    );
    try {
      engine.validateUrl(url.reveal());
    } catch (error) {
      if (!(error instanceof CodedError)) throw error;
      return refuse(["sources", index, "url"], `sources[${index}].url: ${error.message}`);
    }
    return [resource.arn, { engine, url: url.reveal(), dialect: resource.filters.filterDialect }] as const;
  });
  return new Map(units);
}

/** The changes made by a reload, as names of sources. */
export type SourceChanges = {
  readonly added: readonly string[];
  readonly changed: readonly string[];
  readonly removed: readonly string[];
};

/** The sources of a running service: the API describes them, and streams read them. */
export class ConfiguredSources {
  readonly #units = new Map<string, SourceUnit>();
  #configuration: Configuration;

  constructor(configuration: Configuration) {
    this.#configuration = configuration;
    for (const [arn, unit] of sourceUnits(configuration)) this.#units.set(arn, unit);
  }

  /** By ARN. Changes with `replace`. */
  get units(): ReadonlyMap<string, SourceUnit> {
    return this.#units;
  }

  get resources(): readonly SourceResource[] {
    return this.#configuration.sources.map(({ resource }) => resource);
  }

  /** All or nothing. Throws `CodedError` CONFIGURATION where anything but the sources differs. */
  replace(next: Configuration): SourceChanges {
    refuseOtherChanges(this.#configuration, next);
    const units = sourceUnits(next);
    const before = new Map(this.#units);
    const [was, is] = [this.resources, next.sources.map(({ resource }) => resource)];
    this.#configuration = next;
    this.#units.clear();
    for (const [arn, unit] of units) this.#units.set(arn, unit);
    const named = (resources: readonly SourceResource[], match: (arn: string) => boolean): string[] =>
      resources.filter(({ arn }) => match(arn)).map(({ name }) => name);
    return {
      added: named(is, (arn) => !before.has(arn)),
      changed: named(is, (arn) => before.has(arn) && before.get(arn)?.url !== units.get(arn)?.url),
      removed: named(was, (arn) => !units.has(arn)),
    };
  }
}

function refuseOtherChanges(before: Configuration, next: Configuration): void {
  const sections = new Set([...Object.keys(before.fingerprints), ...Object.keys(next.fingerprints)]);
  sections.delete("sources");
  const changed = [...sections].filter((name) => before.fingerprints[name] !== next.fingerprints[name]);
  if (changed.length > 0)
    throw new CodedError(
      "CONFIGURATION",
      `Only \`sources\` can be changed while the service runs, and ${changed.join(", ")} changed as well: restart the service.`,
    );
}
