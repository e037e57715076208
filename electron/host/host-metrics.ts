/** What the host counts, as Prometheus text to stand after the engine's. */
export function hostMetrics(facts: { readonly pages: number; readonly slowPages: number; readonly engineRestarts: number }): string {
  return `# HELP keyhole_host_pages Pages connected to the engine.
# TYPE keyhole_host_pages gauge
keyhole_host_pages ${facts.pages}
# HELP keyhole_host_slow_pages_total Pages disconnected because they did not read what they had asked for.
# TYPE keyhole_host_slow_pages_total counter
keyhole_host_slow_pages_total ${facts.slowPages}
# HELP keyhole_host_engine_restarts_total Times the engine died and was started again.
# TYPE keyhole_host_engine_restarts_total counter
keyhole_host_engine_restarts_total ${facts.engineRestarts}
`;
}
