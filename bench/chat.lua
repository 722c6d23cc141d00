-- For wrk: a POST of CHAT_BODY, and one line of JSON at the end. Latencies are in microseconds.
-- CHAT_TOKENS is a file with a client's token a line: then each request shows the next one.
wrk.method = "POST"
wrk.headers["content-type"] = "application/json"
wrk.body = os.getenv("CHAT_BODY")

local line = 'RESULT {"requests": %d, "seconds": %f, "p50": %d, "p99": %d, "errors": %d}'
local tokens = os.getenv("CHAT_TOKENS")

if tokens then
  local requests, last = {}, 0

  function init()
    for token in io.lines(tokens) do
      wrk.headers["authorization"] = "Bearer " .. token
      requests[#requests + 1] = wrk.format()
    end
  end

  function request()
    last = last % #requests + 1
    return requests[last]
  end
end

function done(summary, latency, requests)
  local e = summary.errors
  print(line:format(
    summary.requests, summary.duration / 1e6, latency:percentile(50), latency:percentile(99),
    e.connect + e.read + e.write + e.status + e.timeout
  ))
end
