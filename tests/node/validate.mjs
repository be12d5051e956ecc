// Reads Kubernetes objects as JSON lines on standard input; prints a line for each that its custom resource's schema refuses.
import { PodMonitor } from '@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1/PodMonitor';
import { PrometheusRule } from '@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1/PrometheusRule';
import { ServiceMonitor } from '@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1/ServiceMonitor';
import { HTTPRoute } from '@kubernetes-models/gateway-api/gateway.networking.k8s.io/v1/HTTPRoute';
import { createInterface } from 'node:readline';

const known = { HTTPRoute, PodMonitor, PrometheusRule, ServiceMonitor };
for await (const line of createInterface({ input: process.stdin })) {
  const object = JSON.parse(line);
  try {
    new known[object.kind](object).validate();
  } catch (error) {
    console.log(`${object.kind} ${object.metadata.name}: ${error.message}`);
  }
}
