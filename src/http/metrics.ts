import { Counter, collectDefaultMetrics, Histogram, Registry } from 'prom-client';

const DURATION_BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

/** An answered request, by its route: by its path, every id would be a series of its own. */
interface AnsweredRequest {
  method: string;
  route: string;
  status: number;
  seconds: number;
}

/** The metrics of one process. */
export type Metrics = ReturnType<typeof createMetrics>;

/** Creates the metrics of this process, in Prometheus' text format. */
export function createMetrics() {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const requests = new Counter({
    name: 'kiln_http_requests_total',
    help: 'Answered HTTP requests.',
    labelNames: ['method', 'route', 'status'],
    registers: [registry],
  });
  const durations = new Histogram({
    name: 'kiln_http_request_duration_seconds',
    help: 'Seconds from the request line to the head of the answer.',
    labelNames: ['method', 'route'],
    buckets: DURATION_BUCKETS,
    registers: [registry],
  });
  return {
    contentType: registry.contentType,
    read: () => registry.metrics(),
    countRequest({ method, route, status, seconds }: AnsweredRequest): void {
      requests.inc({ method, route, status });
      durations.observe({ method, route }, seconds);
    },
  };
}
