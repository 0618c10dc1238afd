import type { Registry } from '@prometheus-io/client';
import type { ServiceOptions } from '../http/service.ts';
import type { CountRequest, LogFields } from '../log/request-log.ts';
import { firstNames } from './first-names.ts';
import { Counts, Durations } from './series.ts';

export type ServiceName = ServiceOptions['name'];

/** Values of a metric's labels in order; an empty one is omitted. */
type LabelsOf = (fields: LogFields) => (string | number)[];

interface RequestMetric {
  readonly name: string;
  /** The service that has it; undefined: both. */
  readonly only?: ServiceName;
  readonly help: string;
  readonly labels?: readonly string[];
  /** Milliseconds of a duration, or how much to count; undefined or 0: this request does not count. */
  readonly amount: (fields: LogFields) => number | undefined;
  readonly values?: LabelsOf;
}

/**
 * Metrics of requests, made of the fields of their log entries. Names and labels are those of
 * OpenTelemetry's semantic conventions, written as Prometheus writes them, or ours with the service's name
 * (docs/metrics.md). No label has a client's name, a URL or a secret.
 */
export function requestMetrics(service: ServiceName, registry: Registry): CountRequest {
  const hostOf = firstNames();
  const appOf = firstNames();
  const durations: RequestMetric[] = [
    {
      name: 'http_server_request_duration_seconds',
      help: 'Requests by their answers, from the head to the last byte of the answer',
      labels: ['http_request_method', 'http_route', 'http_response_status_code', 'error_type'],
      amount: (fields) => fields.duration_ms,
      values: (fields) => [
        fields['http.request.method'],
        fields['url.template'],
        fields['http.response.status_code'],
        fields['error.type'] ?? '',
      ],
    },
    {
      only: 'secureproxy',
      name: 'http_client_request_duration_seconds',
      help: 'Calls to marketplaces, their answers included; the first 50 hosts of a worker, the rest as other',
      labels: ['server_address', 'http_request_method', 'http_response_status_code', 'error_type'],
      amount: (fields) => fields['upstream.duration_ms'],
      values: (fields) => [
        // Callers choose the host under a wildcard, and must not use up the names.
        hostOf(fields.wildcard ?? fields['server.address'] ?? ''),
        fields['upstream.request.method'] ?? '',
        fields['upstream.response.status_code'] ?? '',
        fields['error.type'] ?? '',
      ],
    },
    {
      only: 'keyserver',
      name: 'db_client_operation_duration_seconds',
      help: 'Reads of tokens',
      amount: (fields) => fields['database.duration_ms'],
    },
    {
      name: `${service}_queue_duration_seconds`,
      help: 'How long calls waited, of those that had to',
      amount: (fields) => fields['queue.duration_ms'],
    },
    {
      only: 'secureproxy',
      name: `${service}_limited_duration_seconds`,
      help: 'How long calls waited for a limit of their type, of those that had to',
      labels: ['error_type'],
      amount: (fields) => fields.limited_ms,
      values: (fields) => [fields['error.type'] ?? ''],
    },
    {
      only: 'secureproxy',
      name: `${service}_keyserver_duration_seconds`,
      help: 'Questions for a release or an explanation',
      labels: ['error_type'],
      amount: (fields) => fields['keyserver.duration_ms'],
      values: (fields) => [fields['error.type'] ?? ''],
    },
  ];
  const counts: RequestMetric[] = [
    {
      name: `${service}_errors_total`,
      help: 'Requests that failed with an error of ours, by code and reason',
      labels: ['error_type', 'error_reason'],
      amount: (fields) => (fields['error.type'] === undefined ? 0 : 1),
      values: (fields) => [fields['error.type'] ?? '', fields['error.reason'] ?? ''],
    },
    {
      name: `${service}_releases_total`,
      help: 'Releases by where they came from: cached, or in a session opened by ticket or rsa',
      labels: ['source'],
      amount: (fields) => (fields.release === undefined ? 0 : 1),
      values: (fields) => [fields.release ?? ''],
    },
    {
      only: 'secureproxy',
      name: `${service}_redactions_total`,
      help: 'Secrets that answers contained and the proxy redacted; the first 50 apps of a worker, the rest as other',
      labels: ['app'],
      amount: (fields) => fields.scrubbed,
      values: (fields) => [appOf(fields.app ?? '')],
    },
  ];
  const isOurs = ({ only = service }: RequestMetric) => only === service;
  const observers = [
    ...durations
      .filter(isOurs)
      .map((metric) => observer(metric, new Durations({ ...metric, registry }))),
    ...counts.filter(isOurs).map((metric) => observer(metric, new Counts({ ...metric, registry }))),
  ];
  return (fields) => {
    for (const observe of observers) observe(fields);
  };
}

function observer({ amount, values = () => [] }: RequestMetric, metric: Durations | Counts) {
  return (fields: LogFields) => {
    const observed = amount(fields);
    if (observed !== undefined && observed !== 0) metric.add(observed, values(fields));
  };
}
