import type { Absence, Scenario } from "./scenario.ts";
import type { DeclaredError, ServiceModel } from "./service-model.ts";

/** What the calls of one action have shown. */
export class Ledger {
  readonly sent = new Set<string>();
  /** Sent in a call that was granted. */
  readonly accepted = new Set<string>();
  readonly produced = new Set<string>();
  readonly provoked = new Set<string>();
}

export interface Coverage {
  readonly service: string;
  readonly action: string;
  readonly sent: readonly string[];
  /** Of those that were sent, the ones that were never in a call that was granted. */
  readonly refused: readonly string[];
  readonly produced: readonly string[];
  readonly provoked: readonly string[];
  /** What all answers lack, by the reason. */
  readonly notProduced: readonly Absence[];
  readonly notProvoked: readonly Absence[];
}

/** An action with its model, its calls and what they have shown. */
export interface Evidence {
  readonly model: ServiceModel;
  readonly action: string;
  readonly scenario: Scenario;
  readonly ledger: Ledger;
}

export function coverageOf({ model, action, scenario, ledger }: Evidence): Coverage {
  const { sent, accepted, produced, provoked } = ledger;
  const declared = model.errors(action).map(({ name }: DeclaredError) => name);
  return {
    service: model.name,
    action,
    sent: model.paths(model.input(action)).filter((path) => sent.has(path)),
    refused: [...sent].filter((path) => !accepted.has(path)),
    produced: model.paths(model.output(action)).filter((path) => produced.has(path)),
    provoked: declared.filter((name) => provoked.has(name)),
    notProduced: scenario.notProduced ?? [],
    notProvoked: scenario.notProvoked ?? [],
  };
}

/** What is not as the scenario's lists say: each member and declared error is seen, or is listed and not seen. */
export function gaps({ model, action, scenario, ledger }: Evidence): string[] {
  const errors = model.errors(action).map(({ name }) => name);
  return [
    ...model
      .paths(model.input(action))
      .filter((path) => !ledger.sent.has(path))
      .map((path) => `${path} is never sent`),
    ...differences("produced", model.paths(model.output(action)), {
      seen: ledger.produced,
      absences: scenario.notProduced ?? [],
    }),
    ...differences("provoked", errors, { seen: ledger.provoked, absences: scenario.notProvoked ?? [] }),
  ].map((gap) => `${model.name} ${action}: ${gap}`);
}

function differences(
  verb: string,
  names: readonly string[],
  { seen, absences }: { readonly seen: ReadonlySet<string>; readonly absences: readonly Absence[] },
): string[] {
  const listed = absences.flatMap((absence) => absence.names);
  const isListed = (name: string): boolean =>
    listed.some((outer) => name === outer || name.startsWith(`${outer}.`) || name.startsWith(`${outer}[]`));
  return [
    ...names
      .filter((name) => !seen.has(name) && !isListed(name))
      .map((name) => `${name} is neither ${verb} nor listed as never ${verb}`),
    ...names
      .filter((name) => seen.has(name) && isListed(name))
      .map((name) => `${name} is ${verb} and listed as never ${verb}`),
    ...listed.filter((name) => !names.includes(name)).map((name) => `${name} is listed but not in the model`),
  ];
}
