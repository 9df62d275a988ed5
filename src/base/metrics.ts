import { monitorEventLoopDelay, type IntervalHistogram } from "node:perf_hooks";
import { Counter, Gauge, Registry } from "prom-client";

export interface MetricDefinition<Label extends string = string> {
  /** `zeroetl_…`, unit last, as Prometheus recommends. */
  readonly name: string;
  readonly help: string;
  /** A counter only grows during the life of the process; a gauge reports the current value. */
  readonly kind: "counter" | "gauge";
  readonly labels: readonly Label[];
}

export interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** The timer wakes the process: every 10 ms, it takes 0.3 % of a core. */
const loopSampleMs = 50;

/** The contents of `/metrics`. Nothing is counted on the data path for it: values are collected at each scrape. */
export class Metrics implements Disposable {
  readonly #registry = new Registry();
  readonly #loop: IntervalHistogram = monitorEventLoopDelay({ resolution: loopSampleMs });
  readonly #collectors: (() => Promise<void>)[] = [];

  constructor() {
    this.#loop.enable();
    this.#process();
  }

  /** `look` is called at each scrape, and returns every metric of the table by name. */
  add(table: readonly MetricDefinition[], look: () => Promise<ReadonlyMap<string, readonly Sample[]>>): void {
    const writers = new Map(table.map((metric) => [metric.name, this.#writer(metric)]));
    this.#collectors.push(async () => {
      const found = await look();
      for (const [name, write] of writers) write(found.get(name) ?? []);
    });
  }

  /** The text of a scrape, in Prometheus's exposition format. */
  async text(): Promise<string> {
    for (const collect of this.#collectors) await collect();
    return this.#registry.metrics();
  }

  [Symbol.dispose](): void {
    this.#loop.disable();
  }

  #writer(metric: MetricDefinition): (samples: readonly Sample[]) => void {
    const options = {
      name: metric.name,
      help: metric.help,
      labelNames: [...metric.labels],
      registers: [this.#registry],
    };
    if (metric.kind === "gauge") {
      const gauge = new Gauge(options);
      return (samples) => {
        gauge.reset();
        for (const { labels, value } of samples) gauge.set(labels, value);
      };
    }
    const counter = new Counter(options);
    return (samples) => {
      counter.reset();
      for (const { labels, value } of samples) counter.inc(labels, value);
    };
  }

  #process(): void {
    const name = (what: string): string => `zeroetl_${what}`;
    const delay = name("event_loop_delay_seconds");
    const memory = name("process_resident_memory_bytes");
    const processor = name("process_cpu_seconds_total");
    const table: MetricDefinition[] = [
      {
        name: delay,
        help: "Delay of the event loop since the scrape before",
        kind: "gauge",
        labels: ["quantile"],
      },
      { name: memory, help: "Memory of the process", kind: "gauge", labels: [] },
      { name: processor, help: "Processor time of the process", kind: "counter", labels: [] },
    ];
    this.add(table, () => {
      const { user, system } = process.cpuUsage();
      const delays = ["0.5", "0.99", "1"].map((quantile) => ({
        labels: { quantile },
        // The histogram also counts the wait for its own timer.
        value: Math.max(0, this.#loop.percentile(Number(quantile) * 100) / 1e9 - loopSampleMs / 1000),
      }));
      this.#loop.reset();
      return Promise.resolve(
        new Map<string, readonly Sample[]>([
          [delay, delays],
          [memory, [{ labels: {}, value: process.memoryUsage.rss() }]],
          [processor, [{ labels: {}, value: (user + system) / 1e6 }]],
        ]),
      );
    });
  }
}
