// Prometheus metrics of the Node process.
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import { METRICS, type MetricName, type Metrics } from '../deps.ts';

/** Metrics of one process and the text of /metrics. */
export function prometheus(): Metrics & { text(): Promise<string>; contentType: string } {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const counters = new Map<string, Counter>();
  const histograms = new Map<string, Histogram>();
  const gauges = new Map<string, Gauge>();
  for (const [name, row] of Object.entries(METRICS)) {
    const options = { name: `payer_node_${name}`, help: row.help, labelNames: [...row.labels], registers: [registry] };
    if (row.kind === 'counter') counters.set(name, new Counter(options));
    else if (row.kind === 'gauge') gauges.set(name, new Gauge(options));
    else
      histograms.set(
        name,
        new Histogram({
          ...options,
          buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
        }),
      );
  }
  return {
    count: (name: MetricName, labels = {}, by = 1) => counters.get(name)?.inc(labels, by),
    observe: (name: MetricName, seconds: number, labels = {}) => histograms.get(name)?.observe(labels, seconds),
    gauge: (name: MetricName, value: number, labels = {}) => gauges.get(name)?.set(labels, value),
    text: () => registry.metrics(),
    contentType: registry.contentType,
  };
}
