-- For wrk: a POST of CHAT_BODY, and one line of JSON at the end. Latencies are in microseconds.
wrk.method = "POST"
wrk.headers["content-type"] = "application/json"
wrk.body = os.getenv("CHAT_BODY")

local line = 'RESULT {"requests": %d, "seconds": %f, "p50": %d, "p99": %d, "errors": %d}'

function done(summary, latency, requests)
  local e = summary.errors
  print(line:format(
    summary.requests, summary.duration / 1e6, latency:percentile(50), latency:percentile(99),
    e.connect + e.read + e.write + e.status + e.timeout
  ))
end
